"""Logs numbered events with MADSci's client, each with an id of its own, and waits until all are sent.

The program's arguments: the URL of the server, the first number, how many; and "ask" if it is to print how many of the
newest events the server has of each type.
"""

import json
import logging
import os
import sys
import threading
import warnings

ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
warnings.simplefilter("ignore")

from madsci.client.event_client import EventClient  # noqa: E402
from madsci.common.types.event_types import Event, EventLogLevel, EventType  # noqa: E402

URL, FIRST, COUNT, *ASK = sys.argv[1:]
client = EventClient(name="client", event_server_url=URL, log_level=logging.DEBUG)
for number in range(int(FIRST), int(FIRST) + int(COUNT)):
    client.log(
        Event(
            event_id=f"01JDCXR1V2M3N4P5Q6R7S8{number:04d}",
            event_type=EventType.NODE_ERROR,
            log_level=EventLogLevel.ERROR,
            alert=number % 2 == 0,
            source={"node_id": "01JDCXR1V2M3N4P5Q6R7S8N001"},
            event_data={"number": number, "text": "µl"},
        )
    )
# Every event is sent by a thread of its own, which is no daemon.
for thread in threading.enumerate():
    if thread is not threading.main_thread() and not thread.daemon:
        thread.join(60)
if ASK:
    events = client.get_events(number=1000, level=0)
    print(json.dumps(sorted(events)), file=ANSWERS, flush=True)
ANSWERS.close()
os._exit(0)
