// Approvals written down until they are sent; like the real library, it remembers them when the window is opened again.
import type { HeldApproval } from '../generated/HeldApproval';

const key = 'collabtrack.fake.held';

export function heldApprovals(): HeldApproval[] {
  return JSON.parse(window.sessionStorage.getItem(key) ?? '[]') as HeldApproval[];
}

export function keepHeld(list: readonly HeldApproval[]): void {
  window.sessionStorage.setItem(key, JSON.stringify(list));
}
