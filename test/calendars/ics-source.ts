/** Writes iCalendar for tests: lines in, a file out. */
import type { ContractEvent } from './contract.ts';

export function calendar(...lines: string[]): string {
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Example//Test//EN', ...lines, 'END:VCALENDAR', ''].join('\r\n');
}

export function vevent(uid: string, ...lines: string[]): string {
  return ['BEGIN:VEVENT', `UID:${uid}`, 'DTSTAMP:20260101T000000Z', ...lines, 'END:VEVENT'].join('\r\n');
}

export function fromContract(events: readonly ContractEvent[]): string {
  const stamp = (text: string): string => text.replace(/[-:]|\.\d+/g, '');
  return calendar(
    ...events.map((event) => {
      const time = (name: string, text: string): string =>
        event.allDay === true ? `${name};VALUE=DATE:${stamp(text).slice(0, 8)}` : `${name}:${stamp(text)}`;
      return vevent(
        event.uid,
        time('DTSTART', event.start),
        time('DTEND', event.end),
        ...(event.subject === '' ? [] : [`SUMMARY:${event.subject}`]),
        ...(event.cancelled === true ? ['STATUS:CANCELLED'] : []),
        ...(event.daily === undefined ? [] : [`RRULE:FREQ=DAILY;COUNT=${event.daily}`]),
      );
    }),
  );
}

/** Milliseconds of CPU that this process has used: what a busy machine does not lengthen. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
