/** Every provider beside Teams, in the order in which a link is offered to them: the ones that take any host come last. */

import { eightByEight } from './8x8.ts';
import { bluejeansMeetings } from './bluejeans.ts';
import { chime } from './chime.ts';
import { cms } from './cms.ts';
import { googleMeet } from './google-meet.ts';
import { gotomeeting } from './gotomeeting.ts';
import { jitsi } from './jitsi.ts';
import { lark } from './lark.ts';
import { lifesize } from './lifesize.ts';
import { livekit } from './livekit.ts';
import { pexipMeetings } from './pexip.ts';
import type { ProviderParser } from './provider.ts';
import { ringcentral } from './ringcentral.ts';
import { skypeForBusiness } from './skype-for-business.ts';
import { starleaf } from './starleaf.ts';
import { webexMeetings } from './webex.ts';
import { whereby } from './whereby.ts';
import { zoom } from './zoom.ts';

export const providerParsers: readonly ProviderParser[] = [
  zoom,
  webexMeetings,
  googleMeet,
  bluejeansMeetings,
  gotomeeting,
  starleaf,
  lifesize,
  chime,
  jitsi,
  whereby,
  eightByEight,
  ringcentral,
  lark,
  livekit,
  skypeForBusiness,
  cms,
  pexipMeetings,
];
