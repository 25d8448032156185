/** A reader of calendars that never ends with some: files named `endless`, days of those named `maze`; `greedy` takes all memory. */
import { parentPort } from 'node:worker_threads';
import { CalendarFiles } from '../../connectors/calendars/ics/reader.ts';
import type { Question } from '../../src/parsing/calendar-threads.ts';

const files = new CalendarFiles();
parentPort?.on('message', (question: Question) => {
  const posted = { answer: answer(question), ms: 1 };
  parentPort?.postMessage(posted);
});
parentPort?.postMessage('ready');

function answer(question: Question): object {
  if (question.kind === 'forget') return { kind: 'forget' };
  if (question.kind === 'reading') {
    if (question.keys.includes('maze')) for (;;);
    return { kind: 'reading', reading: files.reading(question.keys, question.window, question.problems) };
  }
  if (question.key === 'endless') for (;;);
  if (question.key === 'greedy') {
    const kept: object[] = [];
    for (;;) kept.push({ more: [kept.length] });
  }
  return { kind: 'file', summary: files.file(question.key, question.bytes, question.facts) };
}
