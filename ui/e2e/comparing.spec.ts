import { expect, idOf, test, type StudioCall } from './app';

const nightDrive = `#/track/${idOf('trk', 1)}`;

/** Whatever on the page could tell versions 12 and 9 apart, as text, names and tooltips. */
const told = (texts: string[]): string[] => texts.filter((text) => /(?<![\d:.])(?:12|9)(?![\d:.])|−1\.8|LUFS/u.test(text));

test('a blind comparison plays X and Y, tells nothing, and reveals at the end', async ({ app, page }) => {
  await app.open({ at: nightDrive });
  await page.locator('main').getByRole('slider', { name: 'Position in version 12' }).waitFor();
  await page.keyboard.press('Shift+B');
  const test = page.getByRole('region', { name: 'Blind test' });
  await expect(test.getByRole('heading')).toHaveText('Which one is better?');
  for (const button of ['Hear Y', 'Hear X', 'Hear Y']) {
    await test.getByRole('button', { name: button }).click();
    await expect(test.getByRole('button', { name: button })).toHaveAttribute('aria-pressed', 'true');
    // Neither the test nor the player may hold a figure, a number or a shape of one of the two versions.
    for (const region of [test, page.locator('#player')]) {
      const texts = await region.evaluate((root) => {
        const all = [root.textContent ?? ''];
        for (const element of root.querySelectorAll('*'))
          for (const { name, value } of Array.from(element.attributes))
            if (['title', 'aria-label', 'aria-valuetext', 'href'].includes(name)) all.push(value);
        return all;
      });
      expect(told(texts)).toEqual([]);
      await expect(region.locator('canvas')).toHaveCount(0);
    }
    await expect(page.getByRole('list', { name: 'Newest versions' })).toHaveCount(0);
  }
  await page.keyboard.press('x');
  await expect(test.getByRole('button', { name: 'Hear X' })).toHaveAttribute('aria-pressed', 'true');
  // Versions stay where they are while nobody may know.
  await page.keyboard.press('1');
  await expect(page.getByText('A blind test is under way, so the versions stay as they are.')).toBeVisible();
  await test.getByRole('button', { name: 'Reveal' }).click();
  await expect(test.getByRole('status')).toHaveText(/X was version (12|9)\. Y was version (12|9)\./u);
  await test.getByRole('button', { name: 'End the test' }).click();
  await expect(page.locator('main').getByRole('button', { name: 'Hear A, version 12' })).toBeVisible();
});

test('an ABX test counts right answers and says what guessing would give', async ({ app, page }) => {
  await app.open({ at: nightDrive });
  await page.getByRole('button', { name: 'ABX' }).click();
  const test = page.getByRole('region', { name: 'Blind test' });
  for (let trial = 1; trial <= 10; trial += 1) {
    await expect(test.getByText(`Trial ${trial} of 10`)).toBeVisible();
    await test.getByRole('button', { name: 'Hear X' }).click();
    await expect(test.getByRole('status')).toHaveCount(0);
    await test.getByRole('button', { name: 'X is A' }).click();
  }
  await expect(test.getByRole('status')).toContainText('5 of 10 right. By guessing, this or better comes out in 62.3%');
});

test('an original is not compared blindly with a preview, and the page says why', async ({ app, page }) => {
  await app.open({ at: nightDrive });
  await page.getByRole('button', { name: 'Put version 11 into B' }).click();
  const blind = page.getByRole('button', { name: 'Blind', exact: true });
  const here = await page.getByRole('button', { name: 'Put version 11 into B' }).getAttribute('aria-pressed');
  expect(here).toBe('true');
  if ((await blind.getAttribute('aria-disabled')) === 'true') {
    await expect(blind).toHaveAttribute('title', /Get the original of both versions first/u);
    await blind.click();
    expect(await app.calls('blind_start')).toEqual([]);
  } else {
    await blind.click();
    expect(await app.calls('blind_start')).toHaveLength(1);
  }
});

test('the difference of two versions is played and ended by a flip', async ({ app, page }) => {
  await app.open({ at: nightDrive });
  const button = page.getByRole('button', { name: 'Difference' });
  await button.click();
  await expect(button).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('x');
  await expect(button).toHaveAttribute('aria-pressed', 'false');
  await page.keyboard.press('Shift+D');
  await expect(button).toHaveAttribute('aria-pressed', 'true');
});

test('a version is copied, shown in its folder, exported, and dragged out', async ({ app, page }) => {
  await app.open({ at: nightDrive });
  const menu = page.getByRole('button', { name: 'More for version 9' });
  await menu.click();
  await page.getByRole('menuitem', { name: 'Copy file' }).click();
  await expect(page.getByText('Version 9 is on the clipboard.')).toBeVisible();
  await menu.click();
  await page.getByRole('menuitem', { name: 'Show file in its folder' }).click();
  await menu.click();
  await page.getByRole('menuitem', { name: 'Export…' }).click();
  await expect(page.getByText('Exported to /home/mara/Desktop/Night Drive.wav.')).toBeVisible();
  const handle = page.getByRole('table', { name: 'History' }).getByRole('button', { name: 'Drag version 9 into a DAW' });
  const box = await handle.boundingBox();
  if (!box) throw new Error('the handle has a place');
  await page.mouse.move(box.x + 10, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + 13, box.y + 12);
  expect(await app.calls('drag_out')).toEqual([]);
  await page.mouse.move(box.x + 60, box.y + 60, { steps: 4 });
  await page.mouse.up();
  const made = await app.calls('drag_out');
  const versions = async (name: string): Promise<unknown[]> => (await app.calls(name)).map((call: StudioCall) => call.args.version);
  expect(made).toHaveLength(1);
  expect(await versions('copy_file')).toEqual(await versions('reveal_file'));
  expect(await versions('export_version')).toEqual(await versions('drag_out'));
  // Nobody has to drag: pressing the handle copies.
  await handle.focus();
  await page.keyboard.press('Enter');
  await expect.poll(async () => (await app.calls('copy_file')).length).toBe(2);
});

test('far enough in, the waveform is a curve through single samples', async ({ app, page }) => {
  await app.open({ at: nightDrive });
  const canvas = page.locator('main .stack canvas').first();
  await page.locator('main').getByRole('slider', { name: 'Position in version 12' }).focus();
  for (let step = 0; step < 12; step += 1) await page.keyboard.press('ArrowRight');
  for (let step = 0; step < 20; step += 1) await page.keyboard.press('+');
  // The columns that hold ink, and how far the line jumps from one pixel column to the next.
  const shape = (): Promise<{ columns: number; jump: number }> =>
    canvas.evaluate((element: HTMLCanvasElement) => {
      const context = element.getContext('2d');
      if (!context || element.width === 0) return { columns: 0, jump: Infinity };
      const { data, width, height } = context.getImageData(0, 0, element.width, element.height);
      let columns = 0;
      let jump = 0;
      let last: number | null = null;
      for (let x = 0; x < width; x += 1) {
        let sum = 0;
        let weight = 0;
        for (let y = 0; y < height; y += 1) {
          const ink = data[(y * width + x) * 4 + 3] ?? 0;
          sum += ink * y;
          weight += ink;
        }
        if (weight === 0) continue;
        columns += 1;
        if (last !== null) jump = Math.max(jump, Math.abs(sum / weight - last));
        last = sum / weight;
      }
      return { columns: columns / width, jump };
    });
  await expect.poll(async () => (await shape()).columns).toBeGreaterThan(0.98);
  expect((await shape()).jump, 'a curve, not steps').toBeLessThan(12);
});
