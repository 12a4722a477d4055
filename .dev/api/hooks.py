"""Every request comes from another network, so that the delays after wrong guesses meet the guesser and not the next operation. Counts the
answers by status, for the last lines of a run."""

import atexit
import collections
import itertools
import json
import os

import schemathesis

requests_so_far = itertools.count()
answers = collections.Counter()


@schemathesis.hook
def before_call(context, case, kwargs):
    n = next(requests_so_far)
    case.headers = {**(case.headers or {}), "X-Forwarded-For": f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255 or 1}"}


@schemathesis.hook
def after_call(context, case, response):
    answers[str(response.status_code)] += 1


@atexit.register
def write_answers():
    with open(os.environ["ANSWERS"], "w", encoding="utf-8") as file:
        json.dump(answers, file, sort_keys=True)
