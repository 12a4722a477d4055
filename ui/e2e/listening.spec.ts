import { expect, idOf, test } from './app';

test('the first run leads to a folder and its tracks, without an account', async ({ app, page }) => {
  await app.open({ studio: 'empty&connection=none' });
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Hear every version of every song.');
  await page.getByRole('button', { name: 'Choose folder…' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Coastal Album');
  await expect(page.getByRole('table', { name: 'Tracks' }).getByRole('row')).toHaveCount(5);
  await expect(page.getByText('Only on this computer').first()).toBeVisible();
});

test('a folder that cannot be read is said in place', async ({ app, page }) => {
  await app.open({ studio: 'empty&connection=none' });
  await app.studio(
    (fake) =>
      fake.failNext('choose_folder', {
        code: 'file',
        message: 'Bounces cannot be read, so nothing is watched.',
        hint: 'Give the app access to it.',
      }),
    null,
  );
  await page.getByRole('button', { name: 'Choose folder…' }).click();
  await expect(page.getByRole('alert')).toContainText('Give the app access to it.');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Coastal Album');
});

test('the library finds a track as one types', async ({ app, page }) => {
  await app.open();
  const rows = page.getByRole('table', { name: 'Tracks' }).getByRole('row');
  await expect(rows).toHaveCount(6);
  await page.keyboard.press('Control+f');
  await page.keyboard.type('tide');
  await expect(rows).toHaveCount(2);
  await page.keyboard.type('zzz');
  await expect(page.getByText('No track matches “tidezzz”.')).toBeVisible();
  await page.getByRole('button', { name: 'Clear the search' }).click();
  await expect(rows).toHaveCount(6);
});

test('a track plays, and flipping A and B keeps the position', async ({ app, page }) => {
  await app.open();
  await page.getByRole('link', { name: 'Night Drive' }).click();
  const waveform = page.locator('main').getByRole('slider', { name: 'Position in version 12' });
  await expect(waveform).toBeVisible();
  await page.keyboard.press('Space');
  await expect(page.locator('#player').getByRole('button', { name: 'Pause' })).toBeVisible();
  await waveform.focus();
  await page.keyboard.press('Home');
  for (let step = 0; step < 6; step += 1) await page.keyboard.press('ArrowRight');
  await expect.poll(() => app.position()).toBeGreaterThanOrEqual(29);
  const before = await app.position();
  await page.keyboard.press('x');
  await expect(page.locator('#player').getByRole('button', { name: 'Hear B, version 9' })).toHaveAttribute('aria-pressed', 'true');
  const after = await app.position();
  expect(after - before).toBeLessThanOrEqual(3);
  expect(after).toBeGreaterThanOrEqual(before);
  const seeks = (await app.calls('player_seek')).length;
  await page.keyboard.press('x');
  expect((await app.calls('player_seek')).length).toBe(seeks);
  await expect(page.locator('main').getByRole('button', { name: 'Hear A, version 12' })).toHaveAttribute('aria-pressed', 'true');
  await expect(page.locator('main')).toContainText('−1.8 dB');
});

test('the waveform is drawn, also down to single samples', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  const drawn = (): Promise<number> =>
    page
      .locator('main .stack canvas')
      .first()
      .evaluate((canvas: HTMLCanvasElement) => {
        const context = canvas.getContext('2d');
        if (!context || canvas.width === 0) return 0;
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        let inked = 0;
        for (let at = 3; at < data.length; at += 4) if ((data[at] ?? 0) > 0) inked += 1;
        return inked / (canvas.width * canvas.height);
      });
  await expect.poll(drawn).toBeGreaterThan(0.1);
  for (let step = 0; step < 16; step += 1) await page.keyboard.press('+');
  await expect
    .poll(async () => (await app.calls('waveform')).some((call) => Number(call.args.toFrame) - Number(call.args.fromFrame) === 4096))
    .toBe(true);
  await expect.poll(drawn).toBeGreaterThan(0);
  await page.keyboard.press('f');
  await expect.poll(drawn).toBeGreaterThan(0.1);
});

test('what was played has another colour, right up to the playhead', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  /** The red, green and blue of the first drawn pixel in the column at a share of the width; null where nothing is drawn. */
  const ink = (share: number): Promise<string | null> =>
    page
      .locator('main .stack canvas')
      .first()
      .evaluate((canvas: HTMLCanvasElement, at: number) => {
        const context = canvas.getContext('2d', { willReadFrequently: true });
        if (!context || canvas.width <= 300) return null;
        const { data } = context.getImageData(Math.floor(at * (canvas.width - 1)), 0, 1, canvas.height);
        for (let row = 0; row < canvas.height; row += 1)
          if (data[row * 4 + 3] === 255) return [data[row * 4], data[row * 4 + 1], data[row * 4 + 2]].join();
        return null;
      }, share);
  await expect.poll(() => ink(0.01)).not.toBeNull();
  await page.locator('main').getByRole('slider', { name: 'Position in version 12' }).focus();
  await page.keyboard.press('Home');
  await expect.poll(async () => (await ink(0.03)) === (await ink(0.5))).toBe(true);
  for (let step = 0; step < 3; step += 1) await page.keyboard.press('ArrowRight');
  await expect.poll(async () => (await ink(0.03)) === (await ink(0.5))).toBe(false);
  // Going back colours the way back again.
  await page.keyboard.press('Home');
  await expect.poll(async () => (await ink(0.03)) === (await ink(0.5))).toBe(true);
});

test('a loop is set by keys, shown, and cleared', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  await page.locator('main').getByRole('slider', { name: 'Position in version 12' }).focus();
  for (let step = 0; step < 2; step += 1) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('[');
  for (let step = 0; step < 2; step += 1) await page.keyboard.press('ArrowRight');
  await page.keyboard.press(']');
  const start = page.getByRole('slider', { name: 'Loop start' });
  await expect(start).toHaveAttribute('aria-valuetext', '10 seconds');
  await expect(page.getByRole('slider', { name: 'Loop end' })).toHaveAttribute('aria-valuetext', '20 seconds');
  await start.focus();
  await page.keyboard.press('Shift+ArrowLeft');
  await expect(start).toHaveAttribute('aria-valuetext', '9 seconds');
  await page.keyboard.press('Shift+L');
  await expect(start).toHaveCount(0);
});

test('going back to a version makes it the newest and overwrites nothing', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  await page.getByRole('button', { name: 'More for version 9' }).click();
  await page.getByRole('menuitem', { name: 'Go back to version 9' }).click();
  await expect(page.getByText('Version 13 is version 9 again. Nothing was overwritten.')).toBeVisible();
  await expect(page.getByRole('table', { name: 'History' }).getByRole('row')).toHaveCount(14);
  await expect(page.getByRole('button', { name: 'Version 13, not final' })).toBeVisible();
});

test('takes and stems stay folded below the mixes', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 3)}` });
  await expect(page.getByRole('table', { name: 'History' }).getByRole('row')).toHaveCount(3);
  await page.getByText('More kinds: 1 version').click();
  await expect(page.getByRole('button', { name: 'Play version 1' })).toBeVisible();
});

test('a version that arrives moves neither focus nor slots', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  const waveform = page.locator('main').getByRole('slider', { name: 'Position in version 12' });
  await waveform.focus();
  await app.studio((fake, track) => fake.bounce(track), idOf('trk', 1));
  await expect(page.getByRole('table', { name: 'History' }).getByRole('row')).toHaveCount(14);
  await expect(waveform).toBeFocused();
  await expect(page.locator('main').getByRole('button', { name: 'Hear A, version 12' })).toBeVisible();
});

test('proposing a version asks why and sends it once', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  await page.getByRole('button', { name: 'More for version 10' }).click();
  await page.getByRole('menuitem', { name: 'Propose version 10…' }).click();
  await page.getByRole('textbox', { name: /Why this one/u }).fill('Best bass.');
  await page.getByRole('dialog').getByRole('button', { name: 'Propose version 10' }).click();
  await expect(page.getByText('Version 10 waits for review.')).toBeVisible();
  expect((await app.calls('propose_version')).map((call) => call.args.reason)).toEqual(['Best bass.']);
});

test('offline everything on this computer goes on, and server acts say why not', async ({ app, page }) => {
  await app.open({ studio: 'connection=offline' });
  await expect(page.getByText(/Offline since/u)).toBeVisible();
  await page.getByRole('button', { name: 'Play Night Drive' }).click();
  await expect(page.locator('#player').getByRole('button', { name: 'Pause' })).toBeVisible();
  await page.goto('/?connection=offline#/inbox');
  await expect(page.getByRole('article').getByText('Deciding needs the server. You can listen and read.').first()).toBeVisible();
});

test('nothing is asked or drawn while nothing plays', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  await page.locator('main').getByRole('slider', { name: 'Position in version 12' }).waitFor();
  await page.waitForFunction(() => document.fonts.ready.then(() => true));
  await expect.poll(async () => (await app.calls('player_seek')).length).toBeGreaterThan(0);
  const frames = await page.evaluate(
    () =>
      new Promise<number>((done) => {
        let asked = 0;
        const real = window.requestAnimationFrame.bind(window);
        window.requestAnimationFrame = (callback) => {
          asked += 1;
          return real(callback);
        };
        setTimeout(() => {
          window.requestAnimationFrame = real;
          done(asked);
        }, 500);
      }),
  );
  expect(frames).toBe(0);
});

test('whoever hears a preview is told so wherever the version is named, and never in a blind test', async ({ app, page }) => {
  // Low Tide: the newest version is here as a preview only, the one before as its original.
  await app.open({ at: `#/track/${idOf('trk', 2)}` });
  const lanes = page.getByRole('region', { name: 'Compare' });
  const [a, b] = [lanes.getByRole('button', { name: 'Hear A, version 4' }), lanes.getByRole('button', { name: 'Hear B, version 3' })];
  await expect(a).toContainText('Preview ·');
  await expect(b).not.toContainText('Preview');
  await page.keyboard.press('Space');
  const dock = page.locator('#player');
  await expect(dock).toContainText('Version 4 · Preview · ');
  await page.keyboard.press('x');
  await expect(dock).toContainText('Version 3 · ');
  await expect(dock).not.toContainText('Preview');
});

test('a chosen device that is pulled out stays chosen in the settings, and the dock names the one that plays', async ({ app, page }) => {
  await app.open({ at: '#/settings' });
  const choice = page.getByLabel('Output device');
  await expect(choice).toHaveValue('');
  await choice.selectOption('Focusrite Scarlett 2i2');
  await expect(page.locator('#player')).toContainText('Focusrite Scarlett 2i2');
  await app.studio((fake, device) => fake.unplug(device), 'Focusrite Scarlett 2i2');
  await expect(page.getByText('Focusrite Scarlett 2i2 is not connected.')).toBeVisible();
  await expect(page.locator('#player')).toContainText('Built-in audio');
  await expect(choice).toHaveValue('Focusrite Scarlett 2i2');
  await page.getByRole('link', { name: 'Library' }).first().click();
  await page.goBack();
  await expect(choice).toHaveValue('Focusrite Scarlett 2i2');
  await expect(choice.getByRole('option', { selected: true })).toHaveText('Focusrite Scarlett 2i2 (not connected)');
  await expect(page.getByText('No device to play on')).toHaveCount(0);
});
