// How much room a part of a screen has, in its own pixels: parts beside a panel are narrower than the window says.
export type Room = 'wide' | 'medium' | 'narrow' | 'small';

/** 0 means not measured yet and counts as wide, so that nothing jumps out of sight. */
export function roomOf(width: number): Room {
  if (width === 0 || width >= 900) return 'wide';
  if (width >= 700) return 'medium';
  if (width >= 540) return 'narrow';
  return 'small';
}
