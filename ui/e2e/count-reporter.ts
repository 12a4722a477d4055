// Ends the lane with the one line every lane ends with.
import type { Reporter, TestCase, TestResult } from '@playwright/test/reporter';

export default class CountReporter implements Reporter {
  readonly #outcomes = new Map<string, boolean>();
  #broken = 0;

  onTestEnd(test: TestCase, result: TestResult): void {
    this.#outcomes.set(test.id, result.status === test.expectedStatus);
  }

  onError(): void {
    this.#broken += 1;
  }

  onExit(): Promise<void> {
    const passed = [...this.#outcomes.values()].filter((fine) => fine).length;
    process.stdout.write(`\n${passed} passed, ${this.#outcomes.size - passed + this.#broken} failed\n`);
    return Promise.resolve();
  }
}
