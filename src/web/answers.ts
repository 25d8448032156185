/** Answers that several routes give. Plain text: whoever reads them is a program or its administrator. */
import type { FastifyReply } from 'fastify';

export function say(reply: FastifyReply, status: number, words: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(`${words}\n`);
}

/** The same for whatever is not there, so that nothing can be learned from it. */
export function notFound(reply: FastifyReply): FastifyReply {
  return say(reply, 404, 'Not found');
}

export function tooMany(reply: FastifyReply, seconds: number): FastifyReply {
  return say(reply.header('retry-after', String(seconds)), 429, `Too many requests; wait ${seconds} s`);
}
