// What the lane of the real app starts and stops: server, driver, recorder. Everything lives in one temporary folder.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Builder, Capabilities } from 'selenium-webdriver';

export const root = resolve(import.meta.dirname, '../..');
export const binaries = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), process.env.COLLABTRACK_TEST_PROFILE ?? 'debug');

// Settings of whoever runs this lane are not settings of the programs under test.
const surroundings = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COLLABTRACK_')));

/** A port nobody listens on now. */
export function freePort() {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** Asks `question` until it answers with something true, or throws after `seconds`. */
export async function until(what, seconds, question) {
  const deadline = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < deadline) {
    try {
      const answer = await question();
      if (answer) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`${what}: not within ${seconds} s${last ? ` (${last.message})` : ''}`);
}

/** A machine of its own: home, folders, processes. */
export class Machine {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'collabtrack-app-'));
    this.bounces = join(this.folder, 'Night Drive EP');
    mkdirSync(this.bounces);
    // What the dialog for opening a file answers.
    this.edited = join(this.folder, 'edited.csv');
    // What the dialog for saving a file answers; dismissed without.
    this.saves = null;
    this.children = [];
  }

  start(name, command, args, env = {}) {
    const log = [];
    const child = spawn(command, args, { env: { ...surroundings, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (data) => log.push(data));
    child.stderr.on('data', (data) => log.push(data));
    child.once('error', (error) => log.push(Buffer.from(String(error))));
    this.children.push({ name, child, log });
    return child;
  }

  log(name) {
    return this.children
      .filter((entry) => entry.name === name)
      .map((entry) => Buffer.concat(entry.log).toString())
      .join('\n');
  }

  /** The hosted service with its own Postgres and store; answers its address. */
  async server() {
    this.start('server', join(binaries, 'collabtrack-server'), [
      '--embedded',
      join(this.folder, 'studio'),
      '--listen',
      '127.0.0.1:0',
      '--json',
    ]);
    const line = await until('the server prints its address', 60, () => /\{.*"url".*\}/.exec(this.log('server'))?.[0]);
    this.url = JSON.parse(line).url;
    await until('the server is ready', 30, async () => (await fetch(`${this.url}/readyz`)).ok);
    return this.url;
  }

  /** The real app behind WebDriver. */
  async app() {
    const [port, native] = [await freePort(), await freePort()];
    const env = {
      COLLABTRACK_LIBRARY: join(this.folder, 'library'),
      COLLABTRACK_ANSWER_FOLDER: this.bounces,
      COLLABTRACK_ANSWER_OPEN: this.edited,
      ...(this.saves ? { COLLABTRACK_ANSWER_SAVE: this.saves } : {}),
      ...(this.url ? { COLLABTRACK_STUDIO_URL: this.url } : {}),
      NO_AT_BRIDGE: '1',
      GDK_BACKEND: 'x11',
      LIBGL_ALWAYS_SOFTWARE: '1',
    };
    const driver = this.start(
      'driver',
      'tauri-driver',
      ['--port', String(port), '--native-port', String(native), '--native-driver', '/usr/bin/WebKitWebDriver'],
      env,
    );
    await until('the driver listens', 20, async () => (await fetch(`http://127.0.0.1:${port}/status`)).status > 0);
    const capabilities = new Capabilities();
    capabilities.set('tauri:options', { application: join(binaries, 'collabtrack'), args: [] });
    capabilities.setBrowserName('wry');
    const session = new Builder().withCapabilities(capabilities).usingServer(`http://127.0.0.1:${port}/`).build();
    const late = new Promise((_, failed) => setTimeout(() => failed(new Error('the app gave no session within 60 s')), 60_000).unref());
    this.browser = await Promise.race([session, late]);
    await this.browser.manage().setTimeouts({ script: 60_000 });
    return this.browser;
  }

  /** Closes the app and waits until its process is gone: a second launch would only show the first one's window. */
  async closeApp() {
    await this.browser.quit();
    const library = `COLLABTRACK_LIBRARY=${join(this.folder, 'library')}`;
    const runs = (id) => {
      try {
        const ours = readFileSync(`/proc/${id}/environ`, 'utf8').split('\0').includes(library);
        return ours && readFileSync(`/proc/${id}/comm`, 'utf8').trim() === 'collabtrack';
      } catch {
        return false;
      }
    };
    await until('the app ends', 30, () => !readdirSync('/proc').some((id) => /^[0-9]+$/.test(id) && runs(id)));
  }

  /** Records what the null sink plays until `stop()`, which answers the samples: interleaved 32-bit floats, stereo, 48 kHz. */
  record() {
    const file = join(this.folder, 'recorded.raw');
    const monitor = process.env.COLLABTRACK_TEST_MONITOR;
    if (!monitor) throw new Error('COLLABTRACK_TEST_MONITOR is not set: run this lane through ./dev test');
    const child = this.start('recorder', 'parec', [
      '-d',
      monitor,
      '--format=float32le',
      '--rate=48000',
      '--channels=2',
      '--latency-msec=50',
      '--raw',
      file,
    ]);
    return {
      stop: async () => {
        child.kill('SIGTERM');
        await new Promise((done) => (child.exitCode === null && child.signalCode === null ? child.once('exit', done) : done()));
        const bytes = readFileSync(file);
        return new Float32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.byteLength / 4));
      },
      /** How many samples above silence there are so far. */
      sounding: () => {
        const bytes = readFileSync(file);
        const samples = new Float32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.byteLength / 4));
        return samples.reduce((count, sample) => count + (Math.abs(sample) > 1e-4 ? 1 : 0), 0);
      },
    };
  }

  /** Another program beside the app's window that files can be dropped on. */
  async dropTarget() {
    const place = { x: 1300, y: 200, width: 120, height: 200 };
    const child = this.start('drop target', '/usr/bin/python3', [
      join(import.meta.dirname, 'drop-target.py'),
      ...Object.values(place).map(String),
    ]);
    const lines = () => this.log('drop target').split('\n').filter(Boolean);
    await until('the other program is shown', 20, () => lines().includes('ready'));
    return {
      middle: { x: place.x + place.width / 2, y: place.y + place.height / 2 },
      /** The files dropped so far, by their paths. */
      files: () => lines().flatMap((line) => (line.startsWith('file://') ? [fileURLToPath(line.trim())] : [])),
      close: () => child.kill('SIGTERM'),
    };
  }

  /** Drags `element` onto another program with the real pointer, as a hand does: press, move, let go. */
  async drag(element, target) {
    const hand = (...args) => execFileSync('xdotool', args.map(String), { encoding: 'utf8' });
    const pause = (ms) => new Promise((done) => setTimeout(done, ms));
    const box = await this.browser.executeScript(
      `const box = arguments[0].getBoundingClientRect();
       return { x: screenX + box.x + box.width / 2, y: screenY + box.y + box.height / 2 };`,
      element,
    );
    hand('mousemove', Math.round(box.x), Math.round(box.y));
    await pause(200);
    hand('mousedown', 1);
    await pause(200);
    const steps = 12;
    for (let step = 1; step <= steps; step += 1) {
      const part = step / steps;
      hand('mousemove', Math.round(box.x + (target.middle.x - box.x) * part), Math.round(box.y + (target.middle.y - box.y) * part));
      await pause(150);
    }
    await pause(500);
    hand('mouseup', 1);
  }

  /** Ends what was started under `name`, as an operator would. */
  end(name) {
    for (const entry of this.children) if (entry.name === name) entry.child.kill('SIGTERM');
  }

  /** Waits until what the page shows is what the picture would show. */
  async settled() {
    await this.browser.executeAsyncScript('const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));');
  }

  async screenshot(path) {
    await this.settled();
    writeFileSync(path, Buffer.from(await this.browser.takeScreenshot(), 'base64'));
  }

  async stop() {
    try {
      await this.browser?.quit();
    } catch {
      // The app may have ended already.
    }
    for (const { child } of this.children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await Promise.race([gone, new Promise((done) => setTimeout(done, 15_000))]);
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
