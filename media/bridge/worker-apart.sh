#!/bin/sh
# Starts mediasoup's worker ($USHER_MEDIA_WORKER) deaf to SIGINT and SIGTERM, which a terminal, or systemd, sends to every
# process of Usher at once: calls must be told goodbye first, and only then their media may end. The worker sets handlers
# of its own, so signals that are merely ignored would reach it; blocked ones do not. Usher ends it over its channel, and
# it ends by itself when that channel closes. Where env cannot block signals (coreutils before 8.31, macOS, busybox), it is
# started as it is.
if env --block-signal=INT true 2>/dev/null; then
  exec env --block-signal=INT --block-signal=TERM "$USHER_MEDIA_WORKER" "$@"
fi
exec "$USHER_MEDIA_WORKER" "$@"
