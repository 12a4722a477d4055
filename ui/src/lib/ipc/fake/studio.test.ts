import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { noAnswers } from '../../catalogue/answers';
import type { CommandName } from '../backend';
import { decodeView } from '../../waveform/view';
import { id } from './seed';
import { FakeBackend } from './studio';

const names = Array.from(readFileSync('src/lib/ipc/commands.ts', 'utf8').matchAll(/^ {2}(\w+): \{/gmu), ([, name]) => name as CommandName);

const samples: Record<string, unknown> = {
  project: id('prj', 1),
  track: id('trk', 1),
  version: id('ver', 111),
  candidate: 'cand_1',
  changeSet: id('chg', 1),
  table: 'tracks',
  name: 'X',
  address: 'studio.example.org',
  email: 'a@example.org',
  password: 'correct horse battery',
  invitation: 'TIDE-1',
  code: 'TIDE-1',
  account: id('acc', 3),
  session: '2'.repeat(32),
  id: 'a'.repeat(32),
  current: 'correct horse battery',
  new: 'another horse battery',
  passphrase: 'tall ships and a harbour',
  policies: {
    listeners_fetch_originals: true,
    listeners_comment: false,
    members_share: false,
    review_new_versions: true,
    self_approval: true,
  },
  role: 'member',
  slot: 'a',
  fromFrame: 0,
  toFrame: 48_000,
  width: 100,
  import: 'imp_fine',
  held: { change_set: id('chg', 2), title: 'x', revision_digest: '', expected_head: '', effect_digest: '', held_at: '' },
  edits: { cells: [], added: [], deleted: [] },
  query: 'night',
  document: '{}',
  versions: [id('ver', 111)],
  tracks: [],
  from: id('trk', 2),
  into: id('trk', 1),
  rules: { left_out: [], sessions: true },
  limits: { up_bytes_per_s: null, down_bytes_per_s: null },
  keep: [0],
  choices: [],
  cells: [],
  leftOut: [0],
  submit: true,
  comment: id('cmt', 1),
  text: 'Softer here.',
  fromMs: 1000,
  toMs: null,
  replyTo: null,
  resolved: true,
  answers: noAnswers,
  reason: 'because',
};

/** Codes that only one command takes. */
const codes: Partial<Record<string, { code: string }>> = {
  confirm_registration: { code: 'ctv_abcd' },
  confirm_address: { code: 'ctv_abcd' },
  claim_site: { code: 'ctu_abcd' },
};

describe('the in-memory studio', () => {
  it('knows the commands of the contract', () => {
    expect(names.length).toBeGreaterThan(45);
  });

  it.each(names)('answers %s', async (name) => {
    const studio = new FakeBackend({ mail: name === 'confirm_registration' });
    if (name === 'confirm_registration') await studio.call('register', samples as never);
    // Only what was put into the trash comes back.
    if (name === 'put_back') await studio.call('trash_versions', samples as never);
    if (name === 'put_back_project') await studio.call('trash_project', samples as never);
    const detail = await studio.call('proposal', { changeSet: id('chg', 1) });
    const { versions } = await studio.call('track', { track: id('trk', 1) });
    const tracks = await studio.call('tracks', { project: null });
    const [first, second] = versions.filter((version) => version.here === 'original');
    await studio.call('player_load', { slot: 'a', version: first?.id ?? '' });
    await studio.call('player_load', { slot: 'b', version: second?.id ?? '' });
    const args = {
      kind: 'abx',
      trials: 3,
      button: 'x',
      ...samples,
      revisionDigest: detail.revision_digest,
      effectDigest: detail.effect_digest,
      expectedHead: detail.expected_head,
      // Only what was approved can be taken back.
      ...codes[name],
      ...(name === 'revert' ? { changeSet: id('chg', 5) } : {}),
      // An approved version stays.
      ...(name === 'trash_track' ? { track: tracks.find((track) => track.approved === null)?.id } : {}),
    };
    await expect(studio.call(name, args as never)).resolves.not.toBeUndefined();
  });

  it('throws on a command it does not know', async () => {
    const studio = new FakeBackend();
    await expect(studio.call('make_coffee' as never, {} as never)).rejects.toMatchObject({ code: 'unknown_command' });
    await expect(studio.call('toString' as never, {} as never)).rejects.toMatchObject({ code: 'unknown_command' });
  });

  it('approves only what was shown', async () => {
    const studio = new FakeBackend();
    const detail = await studio.call('proposal', { changeSet: id('chg', 2) });
    studio.touchProposal(id('chg', 2));
    const args = {
      changeSet: id('chg', 2),
      revisionDigest: detail.revision_digest,
      expectedHead: detail.expected_head,
      effectDigest: detail.effect_digest ?? '',
    };
    await expect(studio.call('approve', args)).rejects.toMatchObject({ code: 'revision_changed' });
    const { track } = await studio.call('track', { track: id('trk', 2) });
    expect(track.approved).toBeNull();
  });

  it('sends waveforms in the view format, down to single samples', async () => {
    const studio = new FakeBackend();
    const whole = decodeView(await studio.call('overview', { version: id('ver', 111) }));
    expect(whole.bins).toBeGreaterThanOrEqual(512);
    const close = decodeView(await studio.call('waveform', { version: id('ver', 111), fromFrame: 1000, toFrame: 1400, width: 400 }));
    expect(close.framesPerBin).toBe(1);
    expect(close.bins).toBe(400);
  });

  it('hands out copies, so that nobody edits its memory', async () => {
    const studio = new FakeBackend();
    const first = await studio.call('projects', {});
    if (first[0]) first[0].name = 'changed';
    const second = await studio.call('projects', {});
    expect(second[0]?.name).toBe('Coastal Album');
  });
});
