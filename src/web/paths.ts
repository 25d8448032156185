/** The addresses of a room's pages. The secret is part of each; whoever has it may see the room's meetings and press Join. */
export type RoomPage = 'panel' | 'feed.ics' | 'events' | 'view' | 'join' | 'hang-up';

export function roomPath(roomId: string, secret: string, page: RoomPage): string {
  return `/r/${encodeURIComponent(roomId)}/${encodeURIComponent(secret)}/${page}`;
}
