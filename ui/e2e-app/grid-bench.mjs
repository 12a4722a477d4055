// `./dev bench grid`: a catalogue of ten thousand rows and twenty filled columns in the real app on a real server: opened, scrolled, searched,
// typed into; an edited CSV of it looked at; ten thousand changed cells reviewed. Prints Markdown. Argument: rows, 10,000 unless told.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Machine, until } from './machine.mjs';
import { pageOf } from './page.mjs';

const rows = Number(process.argv[2] ?? 10_000);
const TURNS = 10;
const AT_ONCE = 2_500;
const machine = new Machine();
machine.saves = join(machine.folder, 'exported.csv');

/** Runs `body`, which ends with `done(result)`, in the page. */
const inPage = (body, ...args) =>
  machine.browser.executeAsyncScript(
    `const done = (value) => arguments[arguments.length - 1](value);
     const given = arguments;
     const call = (name, args) => window.__TAURI_INTERNALS__.invoke(name, args);
     (async () => { ${body} })().catch((error) => done({ failed: error.message ?? JSON.stringify(error) }));`,
    ...args,
  );

/** Twenty columns of the usual ones, filled for rows [from, to). */
const PROPOSE = `
  const [project, from, to] = given;
  const cells = [];
  const added = [];
  for (let number = from; number < to; number += 1) {
    const row = 'new ' + number;
    added.push(row);
    const two = (value) => String(value).padStart(2, '0');
    const filled = {
      title: 'Cue ' + number, version_title: 'Take ' + (number % 7), main_artist: number % 3 ? 'Mara Lindqvist' : 'Ada Osei',
      featured_artists: 'Jun Park|Ben Ode', remixer: 'Remixer ' + (number % 40), composers: 'Mara Lindqvist|Ada Osei', lyricists: 'Ada Osei',
      producers: 'Jun Park', publishers: 'Harbour Songs', isrc: 'QZMNY26' + String(number).padStart(5, '0'), catalogue_number: 'HS-' + number,
      label: 'Harbour', release_title: 'Library ' + (number % 100), release_date: '2027-' + two((number % 12) + 1) + '-' + two((number % 28) + 1),
      p_line: '2027 Harbour', c_line: '2027 Harbour', genres: 'Ambient|Score', language: 'en', bpm: 60 + (number % 120) + '.00', key: 'F#m',
    };
    for (const [field, value] of Object.entries(filled)) cells.push({ row, field, to: value });
  }
  const title = 'Cues ' + from;
  const made = await call('propose_cells', { project, table: 'tracks', title, reason: '', edits: { cells, added, deleted: [] } });
  const shown = await call('proposal', { changeSet: made.id });
  await call('approve', { changeSet: made.id, revisionDigest: shown.revision_digest, expectedHead: shown.expected_head, effectDigest: shown.effect_digest });
  done({ id: made.id });`;

/** Another label in every row, proposed and left for review; answers its id. */
const RELABEL = `
  const [project] = given;
  const view = await call('catalogue', { project, table: 'tracks' });
  const cells = view.rows.map((row, at) => ({ row: row.id, field: 'label', to: 'Tide ' + (at % 9) }));
  const made = await call('propose_cells', { project, table: 'tracks', title: 'Labels', reason: '', edits: { cells, added: [], deleted: [] } });
  done({ id: made.id });`;

/** Milliseconds from going to a place until an element that fits has been painted. */
const OPEN = `
  const [place, selector] = given;
  const start = performance.now();
  const look = () => {
    if (document.querySelector(selector)) requestAnimationFrame(() => done(performance.now() - start));
    else requestAnimationFrame(look);
  };
  location.hash = place;
  look();`;

/** The same from a click on a button of that text. */
const CLICK = `
  const [text, selector] = given;
  const button = [...document.querySelectorAll('button')].find((each) => each.textContent.trim() === text);
  const start = performance.now();
  const look = () => {
    if (document.querySelector(selector)) requestAnimationFrame(() => done(performance.now() - start));
    else requestAnimationFrame(look);
  };
  button.click();
  look();`;

/** Gaps between frames while the table scrolls down, sideways, and jumps now and then; then while nothing happens. */
const SCROLL = `
  const element = document.querySelector('[role="grid"]');
  const frame = () => new Promise(requestAnimationFrame);
  const pass = async (moving) => {
    element.scrollTop = 0;
    await frame();
    const gaps = [];
    let before = await frame();
    for (let at = 0; at < 240; at += 1) {
      if (moving) {
        element.scrollTop += at % 60 === 59 ? 40_000 : 130;
        element.scrollLeft = Math.abs(((at * 24) % 4000) - 2000);
      }
      const now = await frame();
      gaps.push(now - before);
      before = now;
    }
    return gaps;
  };
  await pass(true);
  const still = await pass(false);
  const moving = [...(await pass(true)), ...(await pass(true))];
  done({ still, moving, nodes: document.querySelectorAll('[role="grid"] *').length });`;

/** From a key until the frame after it. */
const KEYS = `
  const element = document.querySelector('[role="grid"]');
  element.focus();
  const times = [];
  for (let at = 0; at < 60; at += 1) {
    const start = performance.now();
    element.dispatchEvent(new KeyboardEvent('keydown', { key: at % 12 === 11 ? 'PageDown' : 'ArrowDown', bubbles: true, cancelable: true }));
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
  }
  done(times);`;

/** From typing into the search until the rows that fit are there. */
const SEARCH = `
  const input = document.querySelector('input[type="search"]');
  const grid = () => document.querySelector('[role="grid"]').getAttribute('aria-rowcount');
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  for (let at = 1; at <= 10; at += 1) {
    const before = grid();
    const start = performance.now();
    input.value = 'library ' + at + ' ada';
    input.dispatchEvent(new Event('input', { bubbles: true }));
    await frame();
    while (grid() === before) await frame();
    times.push(performance.now() - start);
    input.value = '';
    input.dispatchEvent(new Event('input', { bubbles: true }));
    await frame();
    await frame();
  }
  done(times);`;

const sorted = (values) => values.toSorted((a, b) => a - b);
const at = (values, share) => sorted(values)[Math.round((values.length - 1) * share)];
const line = (name, values, budget) =>
  console.log(
    `| ${name} | ${at(values, 0.5).toFixed(0)} | ${at(values, 0.95).toFixed(0)} | ${Math.max(...values).toFixed(0)} | ${budget} |`,
  );

async function run(body, ...args) {
  const answer = await inPage(body, ...args);
  assert.equal(answer?.failed, undefined, answer?.failed);
  return answer;
}

try {
  await machine.server();
  await machine.app();
  await machine.browser
    .manage()
    .window()
    .setRect({ width: 1280, height: 800 })
    .catch(() => {});
  await machine.browser.manage().setTimeouts({ script: 300_000 });
  const { command, shows } = pageOf(machine);
  const must = async (name, args) => {
    const { value, error } = await command(name, args);
    assert.equal(error, undefined, `${name}: ${JSON.stringify(error)}`);
    return value;
  };
  await must('register', {
    address: machine.url,
    name: 'Mara',
    email: 'mara@example.org',
    password: 'correct horse battery staple',
    invitation: null,
  });
  const { id: project } = await must('create_project', { name: 'Library' });
  await must('put_on_server', { project });
  for (let from = 1; from <= rows; from += AT_ONCE) await run(PROPOSE, project, from, Math.min(rows + 1, from + AT_ONCE));
  const { id: labels } = await run(RELABEL, project);

  const table = `[role="grid"][aria-rowcount="${rows + 1}"] [data-cell]`;
  const opens = [];
  for (let turn = 0; turn <= TURNS; turn += 1) {
    const took = await run(OPEN, `#/catalogue/${project}/tracks`, table);
    // The first one warms the program up.
    if (turn > 0) opens.push(took);
    if (turn < TURNS) await run(OPEN, '#/settings', 'main h1');
  }
  const select = await machine.browser.executeScript(`
    const select = document.querySelector('.bar select');
    select.value = 'all';
    select.dispatchEvent(new Event('change', { bubbles: true }));
    return true;`);
  assert.ok(select);
  const scrolled = await run(SCROLL);
  const keys = await run(KEYS);
  const searches = await run(SEARCH);

  await must('export_catalogue', { project, table: 'tracks' });
  const text = readFileSync(machine.saves, 'utf8');
  const edited = text.replaceAll('"2027 Harbour","2027 Harbour"', '"2027 Harbour Songs","2027 Harbour"');
  assert.notEqual(edited, text);
  writeFileSync(machine.edited, edited);
  const previews = [];
  for (let turn = 0; turn <= TURNS; turn += 1) {
    await run(OPEN, `#/import/${project}/tracks`, 'main h1');
    await shows('Choose CSV file…');
    const took = await run(CLICK, 'Choose CSV file…', 'ol[aria-label="Steps"], [aria-label="Steps"]');
    if (turn > 0) previews.push(took);
    await run(OPEN, '#/settings', 'main h1');
  }
  const reviews = [];
  for (let turn = 0; turn <= TURNS; turn += 1) {
    const took = await run(OPEN, `#/inbox/${labels}`, `[role="table"][aria-rowcount="${rows + 1}"]`);
    if (turn > 0) reviews.push(took);
    await run(OPEN, '#/settings', 'main h1');
  }
  const count = new Intl.NumberFormat('en').format(rows);
  console.log('## Catalogue on the screen\n');
  console.log(`| ${count} rows × 20 filled columns, real app, real server, ms | p50 | p95 | worst | bound |`);
  console.log('|---|---:|---:|---:|---|');
  line('opening the table, until its cells are drawn', opens, '300; 900 on two cores');
  line('time between frames, scrolling down and sideways', scrolled.moving, '50; 150 on two cores');
  line('the same while nothing happens', scrolled.still, '–');
  line('from a key to the frame that shows it', keys, '50');
  line('from a search to its rows', searches, '100; 250 on two cores');
  line(`reading and checking a CSV with ${count} edited cells, until its first step shows`, previews, '1,500; 4,500 on two cores');
  line(`opening a proposal of ${count} changed cells`, reviews, '1,000; 3,000 on two cores');
  console.log(
    `\n${scrolled.nodes} elements in the table. The web view draws in software (no graphics card); a virtual display, one window of 1280 × 800, server and app on the same machine.`,
  );
} finally {
  await machine.stop();
}
process.exit(0);
