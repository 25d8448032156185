/** The video systems of the bench `devices`, in a process of their own: what they cost is not what Usher costs. */
import { z } from 'zod';
import { Codec } from '../../fixtures/codec/codec.ts';
import { type Answered, type Asked, askedSchema, type Death, isDoomed, titleOf, type Who } from './asked.ts';

const codecs: Codec[] = [];

/** Ways to die. */
const deaths: Readonly<Record<Death, (codec: Codec) => void | Promise<void>>> = {
  'take the connection and never answer': (codec) => {
    codec.fault = 'hang';
  },
  'answer half and hang': (codec) => {
    codec.fault = 'half-hang';
  },
  'refuse the connection': (codec) => codec.setDoor('closed'),
  'take ten seconds for TLS': (codec) => codec.setDoor('slow'),
};

function those(who: Who): Codec[] {
  return codecs.filter((_, index) => who === 'all' || isDoomed(index) === (who === 'doomed'));
}

async function live(codec: Codec): Promise<void> {
  codec.fault = null;
  await codec.setDoor('open');
}

async function holding(who: Who, change: number, meetings: number): Promise<void> {
  const titles = new Set(Array.from({ length: meetings }, (_, meeting) => titleOf(meeting, change)));
  const held = (codec: Codec): Promise<void> =>
    codec.until((list) => list.length === meetings && list.every(({ title }) => titles.has(title)));
  await Promise.all(those(who).map(held));
}

async function done(asked: Asked): Promise<Answered> {
  let who: Who = 'all';
  if (asked.ask === 'start') {
    for (let index = 0; index < asked.count; index++) codecs.push(await Codec.start({ host: asked.host }));
  } else if (asked.ask === 'hold') await holding(asked.who, asked.change, asked.meetings);
  else if (asked.ask === 'die') await Promise.all(those('doomed').map(deaths[asked.death]));
  else if (asked.ask === 'live') await Promise.all(those('doomed').map(live));
  else if (asked.ask === 'end') await Promise.all(codecs.map((codec) => codec.close()));
  if (asked.ask === 'figures' || asked.ask === 'hold') who = asked.who;
  const { user, system } = process.cpuUsage();
  return {
    ports: codecs.map(({ port }) => port),
    requests: those(who).reduce((sum, { requests }) => sum + requests, 0),
    cpuSeconds: (user + system) / 1e6,
  };
}

const messageSchema = z.object({ id: z.number(), asked: askedSchema });

process.on('message', (message) => {
  const { id, asked } = messageSchema.parse(message);
  void done(asked).then((answered) => {
    process.send?.({ id, answered });
    if (asked.ask === 'end') process.disconnect();
  });
});
