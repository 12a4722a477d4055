// `./dev bench waveform`: an hour of music in the real app, drawn and zoomed; and wavesurfer on an hour's peaks in the same web view.
// Prints Markdown. Argument: minutes of music, 60 unless told.
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Machine, root, until } from './machine.mjs';
import { pageOf } from './page.mjs';

const RATE = 48_000;
const minutes = Number(process.argv[2] ?? 60);
const seconds = minutes * 60;
const DRAWS = 10;
const machine = new Machine();

/** An hour of beats and noise as 24-bit stereo, written a second at a time. */
function writeLong(path) {
  const bytes = RATE * 6;
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + bytes * seconds, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(2, 22);
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(bytes, 28);
  header.writeUInt16LE(6, 32);
  header.writeUInt16LE(24, 34);
  header.write('data', 36);
  header.writeUInt32LE(bytes * seconds, 40);
  const file = openSync(path, 'w');
  writeSync(file, header);
  let seed = 1;
  for (let second = 0; second < seconds; second += 1) {
    const block = Buffer.alloc(bytes);
    const level = 0.3 + 0.6 * Math.abs(Math.sin(second / 97));
    for (let frame = 0; frame < RATE; frame += 1) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
      const beat = Math.exp((-(frame % (RATE / 2)) / RATE) * 12);
      const sample = Math.round(level * beat * (seed / 2 ** 31) * 8_000_000);
      block.writeIntLE(sample, frame * 6, 3);
      block.writeIntLE(-sample >> 1, frame * 6 + 3, 3);
    }
    writeSync(file, block);
  }
  closeSync(file);
}

const sorted = (values) => values.toSorted((a, b) => a - b);
const at = (values, share) => sorted(values)[Math.round((values.length - 1) * share)];
const row = (name, values, budget) =>
  console.log(
    `| ${name} | ${at(values, 0.5).toFixed(0)} | ${at(values, 0.99).toFixed(0)} | ${Math.max(...values).toFixed(0)} | ${budget} |`,
  );

/** Milliseconds until the first lane has something drawn on it: from changing the place, and from when the page has lanes. */
const FIRST_DRAW = `
  const [place, done] = arguments;
  const start = performance.now();
  let there = null;
  const drawn = () => {
    for (const canvas of document.querySelectorAll('.stack canvas')) {
      if (canvas.width <= 300) continue;
      const middle = canvas.getContext('2d', { willReadFrequently: true }).getImageData(0, canvas.height >> 1, canvas.width, 1).data;
      for (let index = 3; index < middle.length; index += 4) if (middle[index] > 0) return true;
    }
    return false;
  };
  const watch = new MutationObserver(() => {
    if (!document.querySelector('.stack')) return;
    there = performance.now();
    watch.disconnect();
  });
  watch.observe(document.body, { childList: true, subtree: true });
  const look = () => {
    if (!drawn()) return requestAnimationFrame(look);
    const now = performance.now();
    done({ opening: now - start, drawing: now - there });
  };
  location.hash = place;
  requestAnimationFrame(look);`;

/** Times between frames while turning the wheel, from the whole file to single samples and back. */
const ZOOM = `
  const done = arguments[0];
  const stack = document.querySelector('.stack');
  const box = stack.getBoundingClientRect();
  const steps = [...Array(150).fill(-20), ...Array(150).fill(20)];
  const times = [];
  let before = null;
  const turn = (now) => {
    if (before !== null) times.push(now - before);
    before = now;
    const deltaY = steps.shift();
    if (deltaY === undefined) return done(times);
    stack.dispatchEvent(new WheelEvent('wheel', { deltaY, ctrlKey: true, clientX: box.left + box.width * 0.37, clientY: box.top + 20, bubbles: true, cancelable: true }));
    requestAnimationFrame(turn);
  };
  requestAnimationFrame(turn);`;

/** The same music in wavesurfer: what it is given is ready, as ours is. */
const PEER = `
  const [seconds, done] = arguments;
  const bins = Math.ceil(seconds * 187.5);
  const peaks = [0, 1].map(() => Float32Array.from({ length: bins }, (_, bin) => Math.abs(Math.sin(bin / 97)) * (0.4 + 0.6 * Math.random())));
  const place = document.body.appendChild(document.createElement('div'));
  place.style.width = '1000px';
  const start = performance.now();
  const surfer = WaveSurfer.create({ container: place, peaks, duration: seconds, height: 96 });
  surfer.once('redrawcomplete', () => {
    const first = performance.now() - start;
    const times = [];
    // From a pixel a second to a thousand, in steps of an eighth more.
    const steps = Array.from({ length: 60 }, (_, step) => 1.125 ** step);
    let before = null;
    const turn = (now) => {
      if (before !== null) times.push(now - before);
      before = now;
      const step = steps.shift();
      if (step === undefined) return done({ first, times });
      surfer.zoom(step);
      requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
  });`;

try {
  await machine.app();
  const { click, command, shows } = pageOf(machine);
  await machine.browser
    .manage()
    .window()
    .setRect({ width: 1280, height: 800 })
    .catch(() => {});
  await machine.browser.manage().setTimeouts({ script: 300_000 });
  await click('button', 'Choose folder…');
  writeLong(join(machine.bounces, 'Set.wav'));
  await until('the hour is a version', 600, async () => (await command('tracks', { project: null })).value?.[0]?.versions === 1);
  const track = (await command('tracks', { project: null })).value[0].id;
  const version = (await command('track', { track })).value.versions[0];
  assert.equal(version.frames, seconds * RATE);
  await shows('Set');
  const draws = [];
  for (let turn = 0; turn <= DRAWS; turn += 1) {
    const took = await machine.browser.executeAsyncScript(FIRST_DRAW, `#/track/${track}`);
    // The first one after the capture warms the program up.
    if (turn > 0) draws.push(took);
    await machine.browser.executeScript("location.hash = '#/library'");
    await until('the page is left', 10, () => machine.browser.executeScript("return document.querySelector('.stack canvas') === null"));
  }
  await machine.browser.executeAsyncScript(FIRST_DRAW, `#/track/${track}`);
  const cold = await machine.browser.executeAsyncScript(ZOOM);
  const warm = await machine.browser.executeAsyncScript(ZOOM);
  console.log('## Waveform of an hour\n');
  console.log(`| ${minutes} min, 24 bit, 48 kHz stereo, real app | p50, ms | p99, ms | worst, ms | budget |`);
  console.log('|---|---:|---:|---:|---|');
  row(
    'opening the track page until its waveform is drawn',
    draws.map((took) => took.opening),
    '150',
  );
  row(
    'of that, since the page has lanes',
    draws.map((took) => took.drawing),
    '150',
  );
  row('time between frames, zooming to single samples and back', cold, 'none above 120');
  row('the same once more', warm, 'none above 120');
  let peer = null;
  try {
    await machine.browser.get('about:blank');
    const code = readFileSync(join(root, 'ui/node_modules/wavesurfer.js/dist/wavesurfer.min.js'), 'utf8');
    await machine.browser.executeScript(`${code}\nwindow.WaveSurfer = window.WaveSurfer ?? WaveSurfer;`);
    peer = await machine.browser.executeAsyncScript(PEER, seconds);
  } catch (error) {
    console.log(`\nwavesurfer did not run: ${String(error.message ?? error).split('\n')[0]}`);
  }
  if (peer) {
    row('wavesurfer: peaks ready, until drawn (once)', [peer.first], '–');
    row('wavesurfer: time between frames, zooming to 1,000 pixels a second', peer.times, '–');
  }
  console.log('\nThe web view draws in software (no graphics card); a virtual display, one window of 1280 × 800.');
} finally {
  await machine.stop();
}
process.exit(0);
