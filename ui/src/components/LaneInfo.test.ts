import { render, screen } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';
import { FakeBackend } from '../lib/ipc/fake/studio';
import { id } from '../lib/ipc/fake/seed';
import { t } from '../lib/texts/en';
import LaneInfo from './LaneInfo.svelte';

describe('beside a lane', () => {
  it('a preview is called one, and an original is not', async () => {
    const { versions } = await new FakeBackend().call('track', { track: id('trk', 2) });
    const shown = { slot: 'a' as const, caption: null, gain: null, heard: true, onhear: () => undefined };
    for (const version of versions) {
      const preview = version.here === 'preview';
      const { unmount } = render(LaneInfo, { ...shown, version, preview });
      const name = t.track.hear('A', version.number);
      expect(screen.getByRole('button', { name }).textContent.includes(t.version.preview)).toBe(preview);
      unmount();
    }
    expect(versions.map((version) => version.here)).toContain('preview');
  });
});

describe('a chosen device', () => {
  it('stays chosen when it is pulled out, and another one is named as the one that plays', async () => {
    const studio = new FakeBackend();
    const [, chosen = ''] = await studio.call('devices', {});
    expect(await studio.call('choose_device', { device: chosen })).toMatchObject({ device: chosen, device_wish: chosen, note: null });
    studio.unplug(chosen);
    const view = await studio.call('player', {});
    expect(view.device_wish).toBe(chosen);
    expect(view.device).not.toBe(chosen);
    expect(view.note).toContain(chosen);
    expect(await studio.call('devices', {})).not.toContain(chosen);
  });
});
