import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ErrorView } from '../ipc/backend';
import { FakeBackend } from '../ipc/fake/studio';
import { id } from '../ipc/fake/seed';
import type { PlayerView } from '../ipc/generated/PlayerView';
import { Comparison, usualSlots } from './comparison.svelte';
import { Inbox, undoMs } from './inbox.svelte';
import { Loaded } from './loaded.svelte';
import { extrapolate, Player, silence } from './player.svelte';
import { Proof } from './proof.svelte';
import { href, parse, type Route } from './router.svelte';
import { currentTable, keysNow } from '../keys/current.svelte';
import { match } from '../keys/table';
import { layoutOf, Settings } from './settings.svelte';
import { SignIn } from './signin.svelte';
import { Toasts } from './toasts.svelte';

const count = (studio: FakeBackend, name: string): number => studio.calls.filter((call) => call.name === name).length;

describe('a loaded answer', () => {
  it('keeps what was there when asking again fails', async () => {
    let fails = false;
    const loaded = new Loaded(() => (fails ? Promise.reject({ code: 'local', message: 'No.', hint: null }) : Promise.resolve(7)));
    await loaded.load();
    fails = true;
    await loaded.load();
    expect(loaded.value).toBe(7);
    expect(loaded.error?.code).toBe('local');
    fails = false;
    await loaded.load();
    expect(loaded.error).toBeNull();
  });

  it('counts only the newest question', async () => {
    const answers: ((value: string) => void)[] = [];
    const loaded = new Loaded(() => new Promise<string>((done) => answers.push(done)));
    const first = loaded.load();
    const second = loaded.load();
    answers[1]?.('new');
    await second;
    answers[0]?.('old');
    await first;
    expect(loaded.value).toBe('new');
    expect(loaded.busy).toBe(false);
  });
});

describe('addresses', () => {
  const routes: Route[] = [
    { name: 'library', project: null },
    { name: 'library', project: 'prj_1' },
    { name: 'track', track: 'trk_1' },
    { name: 'inbox', changeSet: null },
    { name: 'inbox', changeSet: 'chg_1' },
    { name: 'catalogue', project: 'prj_1', table: 'splits' },
    { name: 'import', project: 'prj_1', table: 'tracks' },
    { name: 'members', project: 'p/1 %' },
    { name: 'activity', project: null },
    { name: 'account' },
    { name: 'check' },
    { name: 'connect' },
    { name: 'settings' },
  ];

  it.each(routes)('of $name lead back to it', (route) => {
    expect(parse(href(route))).toEqual(route);
  });

  it('that are unknown or broken lead to the library', () => {
    for (const hash of ['', '#', '#/nowhere', '#/track', '#/%E0%A4%A']) expect(parse(hash)).toEqual({ name: 'library', project: null });
  });
});

describe('the player', () => {
  const playing: PlayerView = { ...silence, playing: true, position_s: 10, duration_s: 100 };

  it('moves on between two tellings and stops at the end', () => {
    expect(extrapolate(playing, 0.2)).toBeCloseTo(10.2);
    expect(extrapolate({ ...playing, position_s: 99.9 }, 5)).toBe(100);
    expect(extrapolate({ ...playing, playing: false }, 5)).toBe(10);
  });

  it('stays inside the loop, but not when it stands behind it', () => {
    expect(extrapolate({ ...playing, loop_s: [8, 11] }, 2)).toBeCloseTo(9);
    expect(extrapolate({ ...playing, loop_s: [2, 5] }, 2)).toBeCloseTo(12);
  });

  it('says what went wrong and keeps its state', async () => {
    const studio = new FakeBackend();
    const errors: ErrorView[] = [];
    const player = new Player(studio, (error) => errors.push(error));
    studio.failNext('player_play', { code: 'no_device', message: 'There is no device to play on.', hint: 'Connect one.' });
    expect(await player.play()).toBe(false);
    expect(errors[0]?.code).toBe('no_device');
    expect(player.view.playing).toBe(false);
  });

  it('keeps its place when two versions of one track are flipped', async () => {
    const player = new Player(new FakeBackend(), () => undefined);
    await player.compare(id('ver', 111), id('ver', 108), 'a', id('trk', 1));
    await player.seek(61.5);
    await player.flip();
    expect(player.view.active).toBe('b');
    expect(player.position).toBe(61.5);
    expect(player.lane('a')?.gain_db).toBeCloseTo(-1.8);
    expect(player.lane('b')?.gain_db).toBe(0);
  });

  it('starts another track from its beginning, without the old loop', async () => {
    const player = new Player(new FakeBackend(), () => undefined);
    await player.compare(id('ver', 111), null, 'a', id('trk', 1));
    await player.seek(61.5);
    await player.loop([60, 70]);
    await player.compare(id('ver', 202), null, 'a', id('trk', 2));
    expect(player.position).toBe(0);
    expect(player.view.loop_s).toBeNull();
    expect(player.view.lanes).toHaveLength(1);
  });

  it('flips nowhere when the other slot is empty', async () => {
    const studio = new FakeBackend();
    const player = new Player(studio, () => undefined);
    await player.compare(id('ver', 111), null, 'a', id('trk', 1));
    expect(await player.flip()).toBe(false);
    expect(count(studio, 'player_flip')).toBe(0);
  });
});

describe('a comparison', () => {
  it('sets the newest against the approved version', async () => {
    const detail = await new FakeBackend().call('track', { track: id('trk', 1) });
    const { a, b } = usualSlots(detail);
    expect([a?.number, b?.number]).toEqual([12, 9]);
  });

  it('without an approved version sets the newest against the one before', async () => {
    const detail = await new FakeBackend().call('track', { track: id('trk', 2) });
    const { a, b } = usualSlots(detail);
    expect([a?.number, b?.number]).toEqual([4, 3]);
  });

  it('swaps when the other slot has the version already', async () => {
    const studio = new FakeBackend();
    const detail = await studio.call('track', { track: id('trk', 1) });
    const comparison = new Comparison(new Player(studio, () => undefined));
    await comparison.put(detail, 'a', id('ver', 108));
    const { a, b } = comparison.slots(detail);
    expect([a?.number, b?.number]).toEqual([9, 12]);
    await comparison.ready(detail);
    await comparison.put(detail, 'a', id('ver', 111));
    expect([comparison.slots(detail).a?.number, comparison.slots(detail).b?.number]).toEqual([12, 9]);
  });
});

describe('the inbox', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    window.sessionStorage.clear();
  });
  afterEach(() => void vi.useRealTimers());

  async function open(n = 2) {
    const studio = new FakeBackend();
    const inbox = new Inbox(studio);
    await inbox.list.load();
    const detail = await studio.call('proposal', { changeSet: id('chg', n) });
    return { studio, inbox, detail };
  }

  it('sends an approval once, after ten seconds, for the revision shown', async () => {
    const { studio, inbox, detail } = await open();
    inbox.approve(detail);
    inbox.approve(detail);
    expect(inbox.toReview.some((each) => each.id === detail.proposal.id)).toBe(false);
    await vi.advanceTimersByTimeAsync(undoMs - 1);
    expect(count(studio, 'approve')).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(studio.calls.filter((call) => call.name === 'approve').map((call) => call.args)).toEqual([
      {
        changeSet: detail.proposal.id,
        revisionDigest: detail.revision_digest,
        expectedHead: detail.expected_head,
        effectDigest: detail.effect_digest,
      },
    ]);
  });

  it('takes an approval back until the last moment', async () => {
    const { studio, inbox, detail } = await open();
    inbox.approve(detail);
    await vi.advanceTimersByTimeAsync(9000);
    expect(inbox.undo(detail.proposal.id)).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(count(studio, 'approve')).toBe(0);
    expect(inbox.toReview.some((each) => each.id === detail.proposal.id)).toBe(true);
    expect(inbox.undo(detail.proposal.id)).toBe(false);
  });

  it('undoes each of two approvals by itself', async () => {
    const { studio, inbox, detail } = await open(2);
    const other = await studio.call('proposal', { changeSet: id('chg', 3) });
    inbox.approve(detail);
    inbox.approve(other);
    inbox.undo(detail.proposal.id);
    await vi.advanceTimersByTimeAsync(undoMs);
    expect(studio.calls.filter((call) => call.name === 'approve').map((call) => (call.args as { changeSet: string }).changeSet)).toEqual([
      other.proposal.id,
    ]);
  });

  it('writes the decision down at once, and goes on with it when the window opens again, once', async () => {
    const { studio, inbox, detail } = await open();
    inbox.approve(detail);
    await vi.advanceTimersByTimeAsync(0);
    expect((await studio.call('held_approvals', {})).map((held) => held.change_set)).toEqual([detail.proposal.id]);
    // The window goes before the ten seconds are over; another one opens.
    const again = new FakeBackend();
    const settled = vi.fn();
    const reopened = new Inbox(again);
    await reopened.list.load();
    await reopened.resume(Date.now() + 60_000, settled);
    expect(reopened.toReview.some((each) => each.id === detail.proposal.id)).toBe(false);
    await vi.advanceTimersByTimeAsync(0);
    await reopened.resume(Date.now() + 60_000, settled);
    await vi.advanceTimersByTimeAsync(0);
    expect(count(again, 'approve')).toBe(1);
    expect(settled).toHaveBeenCalledWith(expect.objectContaining({ title: detail.proposal.title }), null);
    expect(await again.call('held_approvals', {})).toEqual([]);
    inbox.undo(detail.proposal.id);
  });

  it('forgets the decision when it is undone', async () => {
    const { studio, inbox, detail } = await open();
    inbox.approve(detail);
    inbox.undo(detail.proposal.id);
    await vi.advanceTimersByTimeAsync(0);
    expect(await studio.call('held_approvals', {})).toEqual([]);
  });

  it('brings the row back with the reason when the proposal changed', async () => {
    const { studio, inbox, detail } = await open();
    studio.touchProposal(detail.proposal.id);
    const settled = vi.fn();
    inbox.approve(detail, settled);
    await vi.advanceTimersByTimeAsync(undoMs);
    expect(inbox.returned.get(detail.proposal.id)?.code).toBe('revision_changed');
    expect(settled).toHaveBeenCalledWith(expect.objectContaining({ code: 'revision_changed' }));
    expect(inbox.toReview.some((each) => each.id === detail.proposal.id)).toBe(true);
  });

  it('puts aside without deciding', async () => {
    const { studio, inbox } = await open();
    const [first] = inbox.toReview;
    inbox.putLater(first?.id ?? '');
    expect(inbox.toReview.at(-1)?.id).toBe(first?.id);
    expect(studio.calls.every((call) => call.name === 'inbox' || call.name === 'proposal')).toBe(true);
  });

  it('rejects with the reason given', async () => {
    const { studio, inbox, detail } = await open();
    expect(await inbox.decline(detail, 'reject', 'Too loud.')).toBeNull();
    expect(studio.calls.find((call) => call.name === 'reject')?.args).toEqual({
      changeSet: detail.proposal.id,
      revisionDigest: detail.revision_digest,
      reason: 'Too loud.',
    });
  });
});

describe('signing in', () => {
  it('says what is missing and calls nobody', async () => {
    const studio = new FakeBackend({ connection: 'none' });
    const form = new SignIn(studio);
    expect(await form.submit()).toBeNull();
    expect([...form.missing]).toEqual(['address', 'email', 'password']);
    expect(studio.calls).toEqual([]);
  });

  it('with a wrong password keeps the form and says one text', async () => {
    const form = new SignIn(new FakeBackend({ connection: 'none' }));
    Object.assign(form, { address: 'studio.example.org', email: 'mara@example.org', password: 'wrong' });
    expect(await form.submit()).toBeNull();
    expect(form.error?.code).toBe('wrong_credentials');
    expect(form.email).toBe('mara@example.org');
  });

  it('forgets the password at once', async () => {
    const form = new SignIn(new FakeBackend({ connection: 'none' }));
    Object.assign(form, { address: 'studio.example.org', email: 'mara@example.org', password: 'correct horse battery' });
    expect((await form.submit())?.state).toBe('connected');
    expect(form.password).toBe('');
  });
});

describe('messages', () => {
  it('are undone newest first', () => {
    const toasts = new Toasts();
    const first = vi.fn();
    const second = vi.fn();
    toasts.show('one', { action: { label: 'Undo', run: first } });
    toasts.show('two', { action: { label: 'Undo', run: second } });
    toasts.show('three');
    expect(toasts.undoNewest()).toBe(true);
    expect(second).toHaveBeenCalledTimes(1);
    expect(first).not.toHaveBeenCalled();
    toasts.undoNewest();
    expect(first).toHaveBeenCalledTimes(1);
    expect(toasts.undoNewest()).toBe(false);
  });
});

describe('settings', () => {
  beforeEach(() => window.localStorage.clear());

  it('come back as they were left', () => {
    const settings = new Settings();
    settings.theme = 'light';
    settings.zoomBy(2);
    settings.density = 44;
    settings.save();
    const again = new Settings();
    expect([again.theme, again.zoom, again.density]).toEqual(['light', 125, 44]);
  });

  it('that are damaged are the usual ones', () => {
    window.localStorage.setItem('collabtrack.appearance', '{"theme":"pink","zoom":"big"');
    expect(new Settings().theme).toBe('dark');
    window.localStorage.setItem('collabtrack.appearance', '{"theme":"pink","zoom":9000}');
    expect(new Settings().zoom).toBe(100);
  });

  it('remember the keys somebody chose, and only what can be one', () => {
    const settings = new Settings();
    settings.setKey('flip', 'Q');
    // Two commands may change places.
    settings.setKey('fit', 'X');
    settings.save();
    expect(keysNow('X')).toBe('Q');
    const again = new Settings();
    expect(again.keys).toEqual({ flip: 'Q', fit: 'X' });
    expect([match('Q', null, currentTable())?.command.id, match('X', null, currentTable())?.command.id]).toEqual(['flip', 'fit']);
    expect(match('F', null, currentTable())).toBeNull();
    again.resetKeys();
    expect(match('X', null, currentTable())?.command.id).toBe('flip');
    window.localStorage.setItem(
      'collabtrack.appearance',
      JSON.stringify({ keys: { flip: 'K', blind: 'G', loop: 7, slot: 'Q', close: 'Q', nothing: 'W', fit: 'Enter', help: 'P' } }),
    );
    expect(new Settings().keys).toEqual({ help: 'P' });
  });

  it('divide the window by its own width', () => {
    expect([359, 560, 820, 1100].map(layoutOf)).toEqual(['small', 'narrow', 'medium', 'wide']);
    const settings = new Settings();
    settings.width = 720;
    settings.zoom = 200;
    expect(settings.layout).toBe('small');
  });
});

describe('what takes the password', () => {
  it('asks for the code of the second factor only after the server did, and forgets it once it worked', async () => {
    const proof = new Proof();
    const given: (string | null)[] = [];
    const act = (code: string | null): Promise<void> => {
      given.push(code);
      if (code === null) return Promise.reject({ code: 'second_factor_needed', message: 'Its code too.', hint: null });
      return code === '246810' ? Promise.resolve() : Promise.reject({ code: 'wrong_second_factor', message: 'Wrong.', hint: null });
    };
    expect(await proof.give(act)).toBe(false);
    expect([proof.wantsCode, proof.error]).toEqual([true, null]);
    proof.code = ' 000000 ';
    expect(await proof.give(act)).toBe(false);
    expect(proof.error?.code).toBe('wrong_second_factor');
    proof.code = '246810';
    expect(await proof.give(act)).toBe(true);
    expect(given).toEqual([null, '000000', '246810']);
    expect([proof.code, proof.wantsCode, proof.error, proof.busy]).toEqual(['', false, null, false]);
  });
});
