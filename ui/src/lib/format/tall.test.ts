import { describe, expect, it } from 'vitest';
import { between, edges } from './tall';

describe('rows of a long list', () => {
  it('stand where the measured and the estimated ones before them end', () => {
    const tops = edges(4, new Map([[1, 50]]), 20);
    expect(Array.from(tops)).toEqual([0, 20, 70, 90, 110]);
  });

  it('are those in sight and a little around', () => {
    const tops = edges(1000, new Map(), 10);
    expect(between(tops, 500, 600, 0)).toEqual({ first: 50, end: 61 });
    expect(between(tops, 500, 600, 100)).toEqual({ first: 40, end: 71 });
    expect(between(tops, -50, 20, 0)).toEqual({ first: 0, end: 3 });
    expect(between(tops, 9990, 12_000, 0)).toEqual({ first: 999, end: 1000 });
    expect(between(edges(0, new Map(), 10), 0, 100, 0)).toEqual({ first: 0, end: 0 });
  });
});
