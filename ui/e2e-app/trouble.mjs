// Files, folders, tables and servers that are not as they should be, in the real app: each is said on the screen in words, nothing is lost,
// and everything goes on by itself when the cause is gone.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './machine.mjs';
import { pageOf } from './page.mjs';
import { song, wavBytes } from './sound.mjs';

/** Runs the checks on an app that is signed in and shows a synced project. */
export async function trouble(machine, check) {
  const { click, command, go, shows, text } = pageOf(machine);
  const bounce = (name) => join(machine.bounces, name);
  const project = async () => (await command('projects')).value[0].id;
  const tracks = async () => (await command('tracks', { project: null })).value;
  const trackOf = async (name) => (await tracks()).find((track) => track.name === name);
  const versionsOf = async (name) => {
    const track = await trackOf(name);
    return track ? (await command('track', { track: track.id })).value.versions : [];
  };
  const whole = wavBytes(song(4, 0.5));

  await check('an empty file and one cut off are named; the finished one becomes a version', async () => {
    writeFileSync(bounce('Nothing.wav'), '');
    writeFileSync(bounce('Harbour.wav'), whole.subarray(0, whole.length / 2));
    await go(`#/library/${await project()}`);
    await shows('It is empty, so there is nothing to hear.', 40);
    await shows('Harbour.wav');
    assert.deepEqual(await versionsOf('Harbour'), [], 'half a file is no version');
    writeFileSync(bounce('Harbour.wav'), whole);
    await until('the whole file is a version', 40, async () => (await versionsOf('Harbour')).length === 1);
    assert.equal(await trackOf('Nothing'), undefined, 'an empty file makes no track');
    rmSync(bounce('Nothing.wav'));
    await until('the page forgets the empty file', 40, async () => !(await text()).includes('there is nothing to hear'));
  });

  await check('a file that still grows waits, and is one version in the end', async () => {
    const pieces = 10;
    const whole = wavBytes(song(5, 0.7));
    for (let piece = 0; piece < pieces; piece += 1) {
      const part = whole.subarray((whole.length * piece) / pieces, (whole.length * (piece + 1)) / pieces);
      if (piece === 0) writeFileSync(bounce('Long way.wav'), part);
      else appendFileSync(bounce('Long way.wav'), part);
      if (piece === pieces / 2) await shows(/Still being written/u);
      await new Promise((done) => setTimeout(done, 500));
    }
    await until('it is a version', 40, async () => (await versionsOf('Long way')).length === 1);
    const [version] = await versionsOf('Long way');
    assert.equal(version.size_bytes, whole.length, 'the whole file, not an earlier state of it');
  });

  await check('a folder that goes away pauses, removes nothing, and goes on when it is back', async () => {
    const before = await tracks();
    const away = `${machine.bounces} unplugged`;
    renameSync(machine.bounces, away);
    await shows('Drive not connected. Nothing was removed.', 60);
    assert.deepEqual(
      (await tracks()).map((track) => track.versions),
      before.map((track) => track.versions),
    );
    renameSync(away, machine.bounces);
    await until('the page takes it back', 60, async () => !(await text()).includes('Drive not connected'));
    writeFileSync(bounce('Harbour.wav'), wavBytes(song(4, 0.2)));
    await until('the next bounce is version 2', 60, async () => (await versionsOf('Harbour')).length === 2);
  });

  await check('a store that refuses is said with its reason; the version goes up when it accepts again', async () => {
    await until('everything is synced', 90, async () => (await versionsOf('Harbour')).every((version) => version.sync.state === 'synced'));
    // Where the embedded store receives uploads: a file in its place is a disk that takes nothing.
    const incoming = join(machine.folder, 'studio/store/incoming');
    rmSync(incoming, { recursive: true });
    writeFileSync(incoming, '');
    writeFileSync(bounce('Harbour.wav'), wavBytes(song(4, 0.8)));
    await shows('1 version does not get to the server', 90);
    const [refused] = await versionsOf('Harbour');
    assert.equal(refused.number, 3);
    assert.notEqual(refused.sync.state, 'synced', 'nothing is called safe that is not');
    rmSync(incoming);
    mkdirSync(incoming);
    await command('sync_now');
    await until('it is synced', 90, async () => (await versionsOf('Harbour'))[0].sync.state === 'synced');
    await until('the page takes it back', 20, async () => !(await text()).includes('does not get to the server'));
  });

  await check('a table with unknown, double and missing columns is named column by column', async () => {
    writeFileSync(machine.edited, 'track_id,title,title,Mood board\r\n,Harbour,Harbour,blue\r\n');
    await go(`#/import/${await project()}/tracks`);
    await click('button', 'Choose CSV file…');
    await shows('edited.csv');
    await click('button', 'Next');
    await shows('found a second column for it');
    await shows('2 columns are not known here.');
    await shows(/Not in the file, so untouched:/u);
    assert.equal((await tracks()).length, 3, 'nothing was applied');
  });

  await check('a server that goes away is said once; capture and listening go on', async () => {
    await go('#/library');
    machine.end('server');
    writeFileSync(bounce('Harbour.wav'), wavBytes(song(4, 0.4)));
    await shows(/Offline since/u, 90);
    await until('the bounce is version 4', 60, async () => (await versionsOf('Harbour')).length === 4);
    const [newest] = await versionsOf('Harbour');
    const target = readFileSync(bounce('Harbour.wav'));
    assert.equal(newest.size_bytes, target.length);
    await click('button', 'Play Harbour');
    await until('it plays', 20, async () => (await command('player')).value?.playing === true);
    await command('player_pause');
  });
}
