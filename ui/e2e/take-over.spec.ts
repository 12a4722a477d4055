// A folder that holds bounces already: proposed, edited, taken over, stopped.
import type { Page } from '@playwright/test';
import { expect, test, type AppPage } from './app';

async function propose(app: AppPage, page: Page): Promise<void> {
  await app.open({ at: '#/take-over' });
  await page.getByRole('button', { name: 'Choose folder…' }).click();
  await page.getByRole('textbox', { name: 'Name of track 1' }).waitFor();
}

test('a folder is proposed, merged, ordered, and only then taken over', async ({ app, page }) => {
  await propose(app, page);
  await expect(page.getByText('same bytes as Low Tide final copy.wav')).toBeVisible();
  expect(await app.overflowing()).toEqual([]);
  expect(await app.calls('take_over')).toEqual([]);
  await page.getByRole('button', { name: 'Join with Low Tide' }).click();
  await expect(page.getByRole('textbox', { name: 'Name of track 2' })).toHaveCount(0);
  await page.getByRole('textbox', { name: 'Name of track 1' }).fill('Ebb');
  await page.getByRole('button', { name: 'Actions for Low Tide 2.wav' }).click();
  await page.getByRole('menuitem', { name: 'One place earlier' }).click();
  await page.getByRole('combobox', { name: 'Kind of Low Tide v1.wav' }).selectOption('demo');
  await page.getByRole('button', { name: 'Take over 3 versions' }).click();
  await expect(page.getByText('0 of 3 files')).toBeVisible();
  const [call] = await app.calls('take_over');
  expect(call?.args.tracks).toMatchObject([
    {
      name: 'Ebb',
      versions: [{ files: ['Low Tide v1.wav'], kind: 'demo' }, { files: ['Low Tide 2.wav'] }, { files: ['Low Tide final.wav'] }],
    },
  ]);
});

test('what is left out stays out, and two tracks of one name are not taken over', async ({ app, page }) => {
  await propose(app, page);
  await page.getByRole('textbox', { name: 'Name of track 2' }).fill('Low Tide');
  const take = page.getByRole('button', { name: 'Take over 3 versions' });
  await expect(take).toHaveAccessibleDescription(/Two tracks are called Low Tide/u);
  await page.getByRole('checkbox', { name: 'Take Low Tide 2.wav' }).uncheck();
  await page.getByRole('button', { name: 'Take over 2 versions' }).click();
  const [call] = await app.calls('take_over');
  expect(call?.args.tracks).toHaveLength(1);
});

test('taking over shows how far it is and can be stopped', async ({ app, page }) => {
  await propose(app, page);
  await page.getByRole('button', { name: 'Take over 3 versions' }).click();
  await expect(page.getByText('0 of 3 files')).toBeVisible();
  const project = await page.evaluate(() => {
    const fake = window.collabtrackFake as {
      calls: { name: string; args: { project?: string } }[];
      takeFiles(id: string, n: number): void;
    };
    const id = fake.calls.find((call) => call.name === 'taking_over')?.args.project ?? '';
    fake.takeFiles(id, 2);
    return id;
  });
  await expect(page.getByText('2 of 3 files')).toBeVisible();
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.getByText('Stopped. 2 files are versions now')).toBeVisible();
  expect((await app.calls('stop_taking_over')).map((call) => call.args.project)).toEqual([project]);
});
