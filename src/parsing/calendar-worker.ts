/** One thread that reads calendars: files and days of many of them, one question at a time. */
import { parentPort } from 'node:worker_threads';
import { CalendarFiles } from '../../connectors/calendars/ics/reader.ts';
import { systemClock } from '../clock.ts';
import type { Answer, Question } from './calendar-threads.ts';
import type { LaneMessage } from './lane.ts';

const calendars = new Map<number, CalendarFiles>();

function answer(question: Question): Answer {
  let files = calendars.get(question.calendar);
  if (files === undefined) {
    files = new CalendarFiles();
    calendars.set(question.calendar, files);
  }
  switch (question.kind) {
    case 'file':
      return { kind: 'file', summary: files.file(question.key, question.bytes, question.facts) };
    case 'reading':
      files.keep(question.kept);
      return { kind: 'reading', reading: files.reading(question.keys, question.window, question.problems) };
    case 'forget':
      calendars.delete(question.calendar);
      return { kind: 'forget' };
  }
}

const post = (message: LaneMessage<Answer>): void => parentPort?.postMessage(message);

parentPort?.on('message', (question: Question) => {
  const begun = systemClock.monotonic();
  post({ answer: answer(question), ms: systemClock.monotonic() - begun });
});
post('ready');
