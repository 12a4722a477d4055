// Where a pointer is on an element. WebKit measures boxes before the app's own zoom, Chromium after it; pointers come after it in both.

/** How much larger the page is drawn than its boxes are measured. */
export function pageScale(): number {
  const width = document.getElementById('app')?.getBoundingClientRect().width ?? 0;
  return width > 0 ? window.innerWidth / width : 1;
}

/** 0 at the left edge of `element`, 1 at its right edge. */
export function pointerShare(event: { clientX: number }, element: Element): number {
  const box = element.getBoundingClientRect();
  if (box.width === 0) return 0;
  return Math.min(1, Math.max(0, (event.clientX / pageScale() - box.left) / box.width));
}
