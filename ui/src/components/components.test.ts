import { fireEvent, render, screen } from '@testing-library/svelte';
import { createRawSnippet } from 'svelte';
import { describe, expect, it, vi } from 'vitest';
import { FakeBackend } from '../lib/ipc/fake/studio';
import { cell } from '../lib/ipc/fake/proposals';
import { id } from '../lib/ipc/fake/seed';
import { Loaded } from '../lib/state/loaded.svelte';
import { t } from '../lib/texts/en';
import Await from './Await.svelte';
import Button from './Button.svelte';
import ChangeTable from './ChangeTable.svelte';
import ErrorBox from './ErrorBox.svelte';
import HistoryTable from './HistoryTable.svelte';
import Menu from './Menu.svelte';
import RiskStrip from './RiskStrip.svelte';
import Timeline from './Timeline.svelte';
import UserText from './UserText.svelte';

const words = (text: string) => createRawSnippet(() => ({ render: () => `<span>${text}</span>` }));

describe('a button', () => {
  it('that may not act stays reachable and says why', async () => {
    const onclick = vi.fn();
    render(Button, { children: words('Approve'), onclick, disabledBecause: t.inbox.onlyAdmins });
    const button = screen.getByRole('button', { description: t.inbox.onlyAdmins });
    await fireEvent.click(button);
    expect(onclick).not.toHaveBeenCalled();
    expect(button.hasAttribute('disabled')).toBe(false);
  });
});

describe('an error', () => {
  it('shows what happened and what to do, the code only under Details', () => {
    render(ErrorBox, {
      error: { code: 'local', message: 'The library is locked. Your versions are safe.', hint: 'Close the other window.' },
    });
    expect(screen.getByRole('alert').textContent).toContain('Close the other window.');
    expect(screen.getByText(t.error.code('local')).closest('details')).not.toBeNull();
  });

  it('without words still says that the versions are safe', () => {
    render(ErrorBox, { error: { code: 'unknown', message: '', hint: null } });
    expect(screen.getByRole('alert').textContent).toContain(t.error.unknown);
  });
});

describe('an answer on its way', () => {
  it('shows the error beside what was there, and asks again', async () => {
    let fails = false;
    const loaded = new Loaded(() => (fails ? Promise.reject({ code: 'local', message: 'Gone.', hint: null }) : Promise.resolve('there')));
    await loaded.load();
    fails = true;
    await loaded.load();
    render(Await<string>, { of: loaded, children: createRawSnippet((value: () => string) => ({ render: () => `<p>${value()}</p>` })) });
    expect(screen.getByText('there')).toBeTruthy();
    fails = false;
    await fireEvent.click(screen.getByRole('button', { name: t.tryAgain }));
    await vi.waitFor(() => expect(screen.queryByRole('alert')).toBeNull());
  });
});

describe('changes', () => {
  it('show both values, the kind as a word, and invisible characters by name', () => {
    render(ChangeTable, {
      label: 'Changes',
      changes: [
        cell('r1', 'Night Drive', 'isrc', 'ISRC', null, 'QZABC2600012'),
        cell('r2', 'Low Tide', 'composers', 'Composers', 'Mara', null),
        cell('r3', 'Harbour', 'title', 'Title', 'Harbour', 'Har\u200bbour'),
        cell('r4', 'Interlude', '_row', 'Row', 'Interlude', null),
      ],
    });
    const rows = screen.getAllByRole('row').slice(1);
    expect(rows.map((row) => row.querySelector('.change')?.textContent?.trim().split(/\s+/u).at(-1))).toEqual([
      'added',
      'cleared',
      'changed',
      'deleted',
    ]);
    expect(rows[0]?.textContent).toContain(t.inbox.emptyValue);
    expect(rows[2]?.textContent).toContain('zero-width space');
  });

  it('show markup as the text it is', () => {
    const { container } = render(ChangeTable, {
      label: 'Changes',
      changes: [cell('r', '<b>x</b>', 'title', 'Title', '<img src=x onerror=alert(1)>', '<script>')],
    });
    expect(container.querySelector('img, script, b')).toBeNull();
    expect(container.textContent).toContain('<img src=x onerror=alert(1)>');
  });

  it('written by people never become markup', () => {
    const { container } = render(UserText, { text: '<b>bold</b> مرحبا', wrap: true });
    expect(container.querySelector('b')).toBeNull();
    expect(container.querySelector('bdi')?.getAttribute('dir')).toBe('auto');
  });
});

describe('the version timeline', () => {
  it('shows the newest twelve, oldest first, with slot and approval in their names', async () => {
    const { versions } = await new FakeBackend().call('track', { track: id('trk', 1) });
    const onpick = vi.fn();
    render(Timeline, { versions, a: id('ver', 111), b: id('ver', 108), onpick });
    const buttons = screen.getAllByRole('button');
    expect(buttons).toHaveLength(12);
    expect(buttons.at(-1)?.getAttribute('aria-label')).toBe('Version 12, A');
    expect(screen.getByRole('button', { name: 'Version 9, Approved, B' })).toBeTruthy();
    await fireEvent.click(buttons[0] as HTMLElement, { shiftKey: true });
    expect(onpick).toHaveBeenCalledWith(expect.objectContaining({ number: 1 }), true);
  });
});

describe('the history', () => {
  it('puts versions into slots and says which are not final', async () => {
    const { versions } = await new FakeBackend().call('track', { track: id('trk', 3) });
    const onslot = vi.fn();
    render(HistoryTable, {
      versions,
      a: null,
      b: null,
      heard: null,
      inspected: null,
      now: new Date(),
      onlisten: vi.fn(),
      onslot,
      oninspect: vi.fn(),
      ondrag: vi.fn(),
      oncopy: vi.fn(),
      menuOf: () => [],
    });
    await fireEvent.click(screen.getByRole('button', { name: t.track.intoB(2) }));
    expect(onslot).toHaveBeenCalledWith('b', expect.objectContaining({ number: 2 }));
    expect(screen.getByTitle(t.version.full(3, false))).toBeTruthy();
  });
});

describe('risks', () => {
  it('are opened one by one', async () => {
    const onopen = vi.fn();
    const risk = { kind: 'deletions' as const, count: 2, concerns: () => true };
    render(RiskStrip, { risks: [risk], opened: new Set<never>(), only: null, onopen, onall: vi.fn() });
    await fireEvent.click(screen.getByRole('button', { name: '2 deletions' }));
    expect(onopen).toHaveBeenCalledWith(risk);
  });
});

describe('a menu', () => {
  it('closes on Escape, gives the focus back, and refuses what may not be', async () => {
    const run = vi.fn();
    render(Menu, { label: 'More', items: [{ label: 'Reject…', run, disabledBecause: 'Only admins.' }], children: words('…') });
    const opener = screen.getByRole('button', { name: 'More' });
    await fireEvent.click(opener);
    await fireEvent.click(screen.getByRole('menuitem'));
    expect(run).not.toHaveBeenCalled();
    await fireEvent.keyDown(screen.getByRole('menuitem'), { key: 'Escape' });
    expect(screen.queryByRole('menu')).toBeNull();
    expect(document.activeElement).toBe(opener);
  });
});
