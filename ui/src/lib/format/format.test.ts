import { describe, expect, it } from 'vitest';
import { ago, axisTime, date, decibels, duration, gain, lufs, sampleRate, size, spokenDuration } from './format';
import { roomOf } from './room';

const now = new Date('2027-05-03T14:00:00Z');

describe('durations', () => {
  it.each([
    [0, '0:00'],
    [59.999, '0:59'],
    [60, '1:00'],
    [64.2, '1:04'],
    [222.4, '3:42'],
    [3723, '1:02:03'],
    [-1, '0:00'],
    [Number.NaN, '–'],
  ])('%d seconds read %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it('are spoken in whole words', () => {
    expect(spokenDuration(64)).toBe('1 minute 4 seconds');
    expect(spokenDuration(1)).toBe('1 second');
    expect(spokenDuration(0)).toBe('0 seconds');
    expect(spokenDuration(120)).toBe('2 minutes');
  });

  it('on a zoomed axis show as many digits as the ticks differ in', () => {
    expect(axisTime(90, 30)).toBe('1:30');
    expect(axisTime(61.25, 0.05)).toBe('1:01.25');
    expect(axisTime(0.004, 0.002)).toBe('0:00.004');
  });
});

describe('figures', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [64_100_000, '64.1 MB'],
    [212_000_000, '212 MB'],
    [999_700_000, '1.0 GB'],
  ])('%d bytes read %s', (bytes, text) => {
    expect(size(bytes)).toBe(text);
  });

  it('carry a real minus and no negative zero', () => {
    expect(decibels(-11.84)).toBe('−11.8');
    expect(decibels(-0.04)).toBe('0.0');
    expect(gain(-1.8)).toBe('−1.8 dB');
    expect(lufs(null)).toBe('–');
  });

  it('give rates in kHz', () => {
    expect(sampleRate(44_100)).toBe('44.1 kHz');
    expect(sampleRate(48_000)).toBe('48 kHz');
    expect(sampleRate(0)).toBe('–');
  });
});

describe('dates', () => {
  it('follow the locale and leave out this year', () => {
    expect(date('2027-03-02T10:00:00Z', now, 'en-GB')).toBe('2 Mar');
    expect(date('2026-03-02T10:00:00Z', now, 'en-GB')).toBe('2 Mar 2026');
    expect(date('2027-03-02T10:00:00Z', now, 'de')).toBe('2. März');
  });

  it('are relative within a day', () => {
    expect(ago('2027-05-03T13:59:40Z', now)).toBe('just now');
    expect(ago('2027-05-03T13:55:00Z', now)).toBe('5 min ago');
    expect(ago('2027-05-03T12:00:00Z', now)).toBe('2 h ago');
    expect(ago('2027-04-30T12:00:00Z', now, 'en-GB')).toBe('30 Apr');
  });

  it('that cannot be read are shown as they came', () => {
    expect(date('soon', now)).toBe('soon');
  });
});

describe('room', () => {
  it('is wide until it was measured', () => {
    expect(roomOf(0)).toBe('wide');
    expect(roomOf(539)).toBe('small');
    expect(roomOf(700)).toBe('medium');
  });
});
