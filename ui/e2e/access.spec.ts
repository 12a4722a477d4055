// Every screen in both themes: no serious accessibility problem, nothing sticks out at any promised size, and all of it by keyboard.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from '@playwright/test';
import { expect, idOf, test } from './app';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Screen {
  name: string;
  at: string;
  studio?: string;
  act?: (page: Page) => Promise<void>;
}

const screens: Screen[] = [
  { name: 'first run', at: '#/library', studio: 'empty&connection=none' },
  { name: 'library', at: '#/library' },
  { name: 'project', at: `#/library/${idOf('prj', 1)}` },
  { name: 'project without server, offline', at: `#/library/${idOf('prj', 2)}`, studio: 'connection=offline' },
  { name: 'track', at: `#/track/${idOf('trk', 1)}` },
  { name: 'track playing a preview', at: `#/track/${idOf('trk', 2)}`, act: (page) => page.keyboard.press('Space') },
  {
    name: 'track with a loop and a menu',
    at: `#/track/${idOf('trk', 1)}`,
    act: async (page) => {
      await page.getByRole('button', { name: 'Loop' }).first().click();
      await page.getByRole('button', { name: 'More for version 11' }).click();
    },
  },
  { name: 'inbox', at: '#/inbox' },
  { name: 'proposal with audio', at: `#/inbox/${idOf('chg', 1)}` },
  { name: 'proposal of cells', at: `#/inbox/${idOf('chg', 3)}` },
  { name: 'proposal in conflict', at: `#/inbox/${idOf('chg', 7)}` },
  {
    name: 'own proposal being corrected',
    at: `#/inbox/${idOf('chg', 9)}`,
    act: (page) => page.getByRole('button', { name: 'Correct this proposal' }).click(),
  },
  { name: 'large proposal', at: `#/inbox/${idOf('chg', 8)}`, studio: 'changes=400' },
  {
    name: 'proposal being split',
    at: `#/inbox/${idOf('chg', 3)}`,
    act: async (page) => {
      await page.getByRole('button', { name: 'More decisions' }).click();
      await page.getByRole('menuitem', { name: 'Approve only a part…' }).click();
    },
  },
  { name: 'check a file', at: '#/check', act: (page) => page.getByRole('button', { name: 'Choose a file…' }).click() },
  { name: 'own proposal', at: `#/inbox/${idOf('chg', 4)}` },
  { name: 'decided proposal', at: `#/inbox/${idOf('chg', 6)}` },
  {
    name: 'asking for changes',
    at: `#/inbox/${idOf('chg', 2)}`,
    act: async (page) => {
      await page.getByRole('button', { name: 'Ask for changes' }).click();
    },
  },
  { name: 'catalogue', at: '#/catalogue' },
  {
    name: 'catalogue with a new row and one that goes',
    at: '#/catalogue',
    act: async (page) => {
      await page.locator('[data-cell="1-0"]').click();
      await page.getByRole('button', { name: 'Delete row' }).click();
      await page.getByRole('button', { name: 'Add row' }).click();
      await page.keyboard.press('Escape');
    },
  },
  { name: 'splits', at: `#/catalogue/${idOf('prj', 1)}/splits` },
  {
    name: 'columns with one opened and one added',
    at: `#/columns/${idOf('prj', 1)}`,
    act: async (page) => {
      await page.getByRole('textbox', { name: 'Label of a new column' }).fill('Mastered by');
      await page.getByRole('button', { name: 'Add column' }).click();
      await page.getByRole('region', { name: 'What this would do' }).waitFor();
    },
  },
  {
    name: 'columns as wrong JSON',
    at: `#/columns/${idOf('prj', 1)}`,
    act: async (page) => {
      await page.getByRole('tab', { name: 'JSON' }).click();
      const area = page.getByRole('textbox', { name: 'Columns as JSON' });
      await area.fill((await area.inputValue()).replace('"type": "text"', '"type": "txt"'));
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'catalogue with an invalid edit in a range',
    at: '#/catalogue',
    studio: 'rows=500',
    act: async (page) => {
      await page.locator('[data-cell="1-2"]').click();
      await page.keyboard.type('qz');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Shift+ArrowUp');
      await page.getByText('1 change', { exact: true }).waitFor();
    },
  },
  {
    name: 'import check',
    at: `#/import/${idOf('prj', 1)}/tracks`,
    studio: 'import=errors',
    act: async (page) => {
      await page.getByRole('button', { name: 'Choose CSV file…' }).click();
      await page.getByRole('list', { name: 'Steps' }).getByRole('button', { name: 'Check' }).click();
    },
  },
  {
    name: 'import file',
    at: `#/import/${idOf('prj', 1)}/tracks`,
    studio: 'import=columns',
    act: (page) => page.getByRole('button', { name: 'Choose CSV file…' }).click(),
  },
  {
    name: 'import columns',
    at: `#/import/${idOf('prj', 1)}/tracks`,
    studio: 'import=columns',
    act: async (page) => {
      await page.getByRole('button', { name: 'Choose CSV file…' }).click();
      await page.getByRole('list', { name: 'Steps' }).getByRole('button', { name: 'Columns' }).click();
    },
  },
  {
    name: 'import review',
    at: `#/import/${idOf('prj', 1)}/tracks`,
    act: async (page) => {
      await page.getByRole('button', { name: 'Choose CSV file…' }).click();
      await page.getByRole('list', { name: 'Steps' }).getByRole('button', { name: 'Review' }).click();
    },
  },
  { name: 'members', at: `#/members/${idOf('prj', 1)}` },
  {
    name: 'account with a second factor being set up',
    at: '#/account',
    act: (page) => page.getByRole('button', { name: 'Set up…' }).click(),
  },
  { name: 'account without a keyring', at: '#/account', studio: 'keyring=none' },
  { name: 'account where the server sends mail', at: '#/account', studio: 'mail&site' },
  { name: 'accounts of the server', at: '#/site', studio: 'site' },
  {
    name: 'removing a member',
    at: `#/members/${idOf('prj', 1)}`,
    act: async (page) => {
      await page.getByRole('button', { name: 'More for Ada Osei' }).click();
      await page.getByRole('menuitem', { name: 'Remove Ada Osei' }).click();
    },
  },
  { name: 'connect', at: '#/connect', studio: 'connection=signed_out' },
  {
    name: 'register',
    at: '#/connect',
    studio: 'connection=signed_out',
    act: (page) => page.getByRole('tab', { name: 'Register' }).click(),
  },
  { name: 'activity', at: '#/activity' },
  { name: 'settings', at: '#/settings' },
  { name: 'palette', at: '#/library', act: (page) => page.keyboard.press('Control+k') },
  { name: 'shortcuts', at: '#/library', act: (page) => page.keyboard.press('?') },
];

async function settle(page: Page): Promise<void> {
  await expect(page.locator('.skeleton')).toHaveCount(0);
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
}

for (const theme of ['dark', 'light'] as const) {
  for (const screen of screens) {
    test(`${screen.name}, ${theme}: no serious accessibility problem`, async ({ app, page }) => {
      await app.open({ at: screen.at, studio: screen.studio ?? '', theme });
      await settle(page);
      await screen.act?.(page);
      await page.evaluate(axe);
      // A colour that is still on its way to the other theme is no colour of ours.
      await page.evaluate(() =>
        Promise.race([
          Promise.allSettled(document.getAnimations().map((animation) => animation.finished)),
          new Promise((done) => setTimeout(done, 1000)),
        ]).then(() => undefined),
      );
      const problems = await page.evaluate(async () => {
        interface Node {
          html: string;
          failureSummary?: string;
        }
        const { axe } = window as unknown as {
          axe: { run(context: Document, options: unknown): Promise<{ violations: { id: string; impact: string; nodes: Node[] }[] }> };
        };
        const result = await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] });
        return result.violations
          .filter((each) => each.impact === 'serious' || each.impact === 'critical')
          .map((each) => `${each.id}: ${each.nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`).join(' | ')}`);
      });
      expect(problems).toEqual([]);
    });
  }
}

const sizes = [
  { width: 360, height: 640, zoom: 100 },
  { width: 720, height: 520, zoom: 100 },
  { width: 720, height: 520, zoom: 200 },
  { width: 1100, height: 700, zoom: 125 },
  { width: 1440, height: 900, zoom: 80 },
];

for (const { width, height, zoom } of sizes) {
  test(`nothing sticks out at ${width} × ${height}, ${zoom} %`, async ({ app, page }) => {
    test.setTimeout(90_000);
    await page.setViewportSize({ width, height });
    for (const screen of screens) {
      await app.open({ at: screen.at, studio: screen.studio ?? '', zoom });
      await page.evaluate(
        (chosen) => localStorage.setItem('collabtrack.appearance', JSON.stringify({ theme: 'dark', zoom: chosen })),
        zoom,
      );
      await page.reload();
      await page.locator('main h1').first().waitFor();
      await settle(page);
      expect(await app.overflowing(), screen.name).toEqual([]);
    }
  });
}

test('a whole session by keyboard alone', async ({ app, page }) => {
  await app.open();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('main')).toBeFocused();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('night');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Night Drive');
  await expect(page.locator('main')).toBeFocused();
  await page.keyboard.press('k');
  await expect(page.locator('#player').getByRole('button', { name: 'Pause' })).toBeVisible();
  await page.keyboard.press('x');
  await expect(page.locator('#player').getByRole('button', { name: 'Hear B, version 9' })).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('v');
  await expect(page.locator('main').getByRole('button', { name: 'Level matched' })).toHaveAttribute('aria-pressed', 'false');
  await page.keyboard.press('g');
  await page.keyboard.press('i');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Inbox');
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('article').getByRole('heading', { level: 2 })).toHaveText('Low Tide: approve version 4');
  await page.keyboard.press('a');
  await expect(page.getByText('Approved version 4')).toBeVisible();
  await page.keyboard.press('Control+z');
  await expect(page.getByText('Not approved. The proposal waits again.')).toBeVisible();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Shortcuts' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.keyboard.press('F6');
  await page.keyboard.press('F6');
  await expect(page.locator('#player button:focus, #inspector button:focus, #content :focus, #navigation :focus').first()).toBeVisible();
});

test('the focus is back at the opener when a dialog closes', async ({ app, page }) => {
  await app.open();
  const opener = page.getByRole('button', { name: 'New project…' });
  await opener.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog').getByLabel('Name')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(opener).toBeFocused();
});

test('people’s texts never become markup and stay in their box', async ({ app, page }) => {
  await page.setViewportSize({ width: 720, height: 520 });
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  const hostile = `<b>bold</b><img src=x> ${'Sehrlangestitelwort'.repeat(5)} مرحبا 👩‍🎤`;
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Rename track…' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill(hostile);
  await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('<b>bold</b>');
  expect(await page.locator('main b, main img').count()).toBe(0);
  expect(await app.overflowing()).toEqual([]);
  await page.getByRole('link', { name: 'Library', exact: true }).first().click();
  await expect(page.getByRole('link', { name: hostile })).toBeVisible();
  expect(await app.overflowing()).toEqual([]);
});
