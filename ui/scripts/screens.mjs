// Takes a picture of every screen, in both themes and two sizes, from the test build: `npm run screens -- OUT_FOLDER [filter]`.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from '@playwright/test';
import { serve } from './serve.mjs';

const out = process.argv[2] ?? fileURLToPath(new URL('../node_modules/.screens', import.meta.url));
const filter = process.argv[3] ?? '';
mkdirSync(out, { recursive: true });
const trk = (n) => `trk_${'a'.repeat(25)}${'abcdefghijklmnopqrstuvwxyz234567'[n]}`;
const prj = (n) => trk(n).replace('trk', 'prj');
const chg = (n) => trk(n).replace('trk', 'chg');

const screens = [
  ['first-run', '?empty&connection=none', '#/library'],
  ['library', '', '#/library'],
  ['project', '', `#/library/${prj(1)}`],
  ['project-local', '?connection=offline', `#/library/${prj(2)}`],
  ['track', '', `#/track/${trk(1)}`],
  [
    'track-playing',
    '',
    `#/track/${trk(1)}`,
    async (page) => {
      await page
        .locator('#content [role="slider"]')
        .last()
        .click({ position: { x: 300, y: 40 } });
      await page.keyboard.press('Space');
      await page.waitForTimeout(300);
    },
  ],
  [
    'track-zoomed',
    '',
    `#/track/${trk(1)}`,
    async (page) => {
      for (let i = 0; i < 15; i += 1) await page.keyboard.press('+');
    },
  ],
  [
    'track-organise',
    '',
    `#/track/${trk(1)}`,
    async (page) => {
      await page.getByRole('button', { name: 'More for version 3', exact: true }).click();
      await page.getByRole('menuitem', { name: 'Move to another track…' }).click();
    },
  ],
  ['track-menu', '', `#/track/${trk(1)}`, (page) => page.getByRole('button', { name: 'More for version 12', exact: true }).click()],
  [
    'project-kept',
    '',
    `#/library/${prj(1)}`,
    async (page) => {
      await page.locator('header').getByRole('button', { name: 'More' }).click();
      await page.getByRole('menuitem', { name: 'Files on this computer…' }).click();
    },
  ],
  [
    'trash',
    '',
    `#/track/${trk(1)}`,
    async (page) => {
      for (const number of [1, 3]) {
        await page.getByRole('button', { name: `More for version ${number}`, exact: true }).click();
        await page.getByRole('menuitem', { name: 'Move to the trash' }).click();
      }
      await page.evaluate((at) => (window.location.hash = at), `#/library/${prj(1)}`);
      await page.locator('header').getByRole('button', { name: 'More' }).click();
      await page.getByRole('menuitem', { name: 'Move the project to the trash…' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Move to the trash' }).click();
      await page.waitForTimeout(300);
    },
  ],
  ['trash-empty', '', '#/trash'],
  [
    'take-over',
    '',
    '#/take-over',
    async (page) => {
      await page.getByRole('button', { name: 'Choose folder…' }).click();
      await page.getByRole('textbox', { name: 'Name of track 1' }).waitFor();
    },
  ],
  [
    'take-over-running',
    '',
    '#/take-over',
    async (page) => {
      await page.getByRole('button', { name: 'Choose folder…' }).click();
      await page.getByRole('button', { name: 'Take over 3 versions' }).click();
      await page.waitForTimeout(300);
    },
  ],
  ['inbox', '', '#/inbox'],
  ['inbox-csv', '', `#/inbox/${chg(3)}`],
  ['inbox-first', '', `#/inbox/${chg(2)}`],
  ['inbox-conflict', '', `#/inbox/${chg(7)}`],
  ['inbox-large', '?changes=10000', `#/inbox/${chg(8)}`],
  [
    'inbox-split',
    '',
    `#/inbox/${chg(3)}`,
    async (page) => {
      await page.getByRole('button', { name: 'More decisions' }).click();
      await page.getByRole('menuitem', { name: 'Approve only a part…' }).click();
    },
  ],
  ['check-file', '', '#/check', (page) => page.getByRole('button', { name: 'Choose a file…' }).click()],
  ['inbox-mine', '', `#/inbox/${chg(4)}`],
  ['inbox-member', '?role=member', `#/inbox/${chg(6)}`],
  [
    'inbox-reject',
    '',
    `#/inbox/${chg(1)}`,
    async (page) => {
      await page.keyboard.press('r');
      await page.waitForTimeout(200);
    },
  ],
  [
    'inbox-undo-conflict',
    '',
    `#/inbox/${chg(2)}`,
    async (page) => {
      await page.getByRole('button', { name: 'Approve version 4' }).click();
      await page.waitForTimeout(200);
      await page
        .getByRole('link', { name: /spring|CSV|Spring/ })
        .first()
        .click();
      await page.waitForTimeout(400);
    },
  ],
  [
    'inbox-undo',
    '',
    `#/inbox/${chg(2)}`,
    async (page) => {
      await page.getByRole('button', { name: 'Approve version 4' }).click();
      await page.waitForTimeout(400);
    },
  ],
  [
    'catalogue',
    '',
    '#/catalogue',
    async (page) => {
      await page.locator('[data-cell="1-2"]').click();
      await page.keyboard.type('QZABC2600020');
      await page.keyboard.press('Enter');
      await page.keyboard.type('QZ');
      await page.keyboard.press('Enter');
      await page.keyboard.press('ArrowUp');
      await page.waitForTimeout(400);
    },
  ],
  [
    'catalogue-review',
    '?rows=2000',
    '#/catalogue',
    async (page) => {
      await page.locator('[data-cell="0-1"]').click();
      await page.keyboard.press('Shift+PageDown');
      await page.keyboard.press('Control+d');
      await page.getByRole('button', { name: 'Propose…' }).click();
    },
  ],
  [
    'catalogue-rows',
    '',
    '#/catalogue',
    async (page) => {
      await page.locator('[data-cell="1-0"]').click();
      await page.getByRole('button', { name: 'Delete row' }).click();
      await page.getByRole('button', { name: 'Add row' }).click();
      await page.keyboard.type('Coda');
      await page.keyboard.press('Tab');
    },
  ],
  ['catalogue-splits', '', `#/catalogue/${prj(1)}/splits`],
  [
    'columns',
    '',
    `#/columns/${prj(1)}`,
    async (page) => {
      await page.getByRole('textbox', { name: 'Label of a new column' }).fill('Mastered by');
      await page.getByRole('button', { name: 'Add column' }).click();
      await page.waitForTimeout(500);
    },
  ],
  [
    'columns-json',
    '',
    `#/columns/${prj(1)}`,
    async (page) => {
      await page.getByRole('tab', { name: 'JSON' }).click();
      const area = page.getByRole('textbox', { name: 'Columns as JSON' });
      await area.fill((await area.inputValue()).replace('"type": "text"', '"type": "txt"'));
      await page.waitForTimeout(500);
      await page.getByRole('button', { name: 'Show', exact: true }).click();
    },
  ],
  ...['File', 'Columns', 'Check', 'Review'].map((step) => [
    `import-${step.toLowerCase()}`,
    step === 'Columns' ? '?import=columns' : step === 'Check' ? '?import=errors' : '',
    `#/import/${prj(1)}/tracks`,
    async (page) => {
      await page.getByRole('button', { name: 'Choose CSV file…' }).click();
      await page.getByRole('list', { name: 'Steps' }).getByRole('button', { name: step }).click();
      if (step === 'Check') await page.getByRole('button', { name: 'Show' }).first().click();
    },
  ]),
  ['members', '', `#/members/${prj(1)}`],
  [
    'invite',
    '',
    `#/members/${prj(1)}`,
    async (page) => {
      await page.getByRole('button', { name: 'Invite…' }).click();
      await page.getByRole('button', { name: 'Make a code' }).click();
    },
  ],
  ['account', '', '#/account', (page) => page.getByRole('button', { name: 'Set up…' }).click()],
  ['account-keyring', '?keyring=none', '#/account', (page) => page.getByRole('button', { name: 'Protect with a passphrase…' }).click()],
  ['account-mail', '?mail&site', '#/account'],
  ['site', '?site', '#/site'],
  [
    'site-reset',
    '?site',
    '#/site',
    async (page) => {
      await page.getByRole('button', { name: 'More for Jun Park' }).click();
      await page.getByRole('menuitem', { name: 'Make a reset code…' }).click();
    },
  ],
  [
    'connect-confirm',
    '?connection=signed_out&mail',
    '#/connect',
    async (page) => {
      await page.getByRole('tab', { name: 'Register' }).click();
      await page.getByLabel('Name').fill('Ada');
      await page.getByLabel('E-mail').fill('ada@example.org');
      await page.getByLabel('Password', { exact: true }).fill('a long enough password');
      await page.getByLabel('Invitation code').fill('TIDE');
      await page.getByRole('button', { name: 'Register' }).click();
    },
  ],
  [
    'connect-reset-mail',
    '?connection=signed_out&mail',
    '#/connect',
    async (page) => {
      await page.getByRole('button', { name: 'Forgot the password?' }).click();
      await page.getByLabel('E-mail').fill('ada@example.org');
      await page.getByRole('button', { name: 'Mail me a code' }).click();
    },
  ],
  ['connect', '?connection=none', '#/connect'],
  ['connect-register', '?connection=signed_out', '#/connect', (page) => page.getByRole('tab', { name: 'Register' }).click()],
  [
    'connect-wrong',
    '?connection=signed_out',
    '#/connect',
    async (page) => {
      await page.getByLabel('E-mail').fill('mara@example.org');
      await page.getByLabel('Password', { exact: true }).fill('wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
    },
  ],
  ['activity', '', '#/activity'],
  ['settings', '', '#/settings'],
  ['settings-network', '', '#/settings', (page) => page.getByRole('textbox', { name: 'Sending' }).scrollIntoViewIfNeeded()],
  ['palette', '', '#/library', (page) => page.keyboard.press('Control+k')],
  ['shortcuts', '', '#/library', (page) => page.keyboard.press('?')],
];

const { server, port } = await serve(fileURLToPath(new URL('../node_modules/.fake-dist', import.meta.url)));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
for (const [theme, width, height] of [
  ['dark', 1280, 800],
  ['light', 1280, 800],
  ['dark', 1920, 1080],
  ['light', 1920, 1080],
  ['dark', 720, 520],
  ['light', 720, 520],
  ['dark', 360, 640],
]) {
  const context = await browser.newContext({ viewport: { width, height } });
  await context.addInitScript((chosen) => localStorage.setItem('collabtrack.appearance', JSON.stringify({ theme: chosen })), theme);
  for (const [name, query, hash, act] of screens) {
    if (!`${name}-${theme}-${width}`.includes(filter)) continue;
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') process.stdout.write(`${name}: ${message.text()}\n`);
    });
    page.on('pageerror', (error) => process.stdout.write(`${name}: ${error.message}\n`));
    await page.goto(`http://127.0.0.1:${port}/${query}${hash}`);
    await page
      .locator('h1')
      .waitFor({ timeout: 5000 })
      .catch(() => process.stdout.write(`${name}: no title\n`));
    await page.waitForTimeout(350);
    try {
      await act?.(page);
    } catch (error) {
      process.stdout.write(`${name} ${width}: ${String(error).split('\n')[0]}\n`);
    }
    await page.waitForTimeout(200);
    await page.screenshot({ path: `${out}/${name}-${theme}-${width}.png` });
    await page.close();
  }
  await context.close();
}
await browser.close();
server.close();
