"""Runs every public method of MADSci's EventClient against a server, and prints what each returned or raised.

The program's arguments: the URL of the server, and a folder into which it may write reports. One line of JSON goes to standard output; what the client prints of its
own goes elsewhere.
"""

import json
import logging
import os
import sys
import threading
import time
import warnings

ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
warnings.simplefilter("ignore")

from madsci.client.event_client import EventClient  # noqa: E402
from madsci.common.types.event_types import Event, EventLogLevel, EventType  # noqa: E402

URL, REPORTS = sys.argv[1:]
NODE = "01JDCXR1V2M3N4P5Q6R7S8N001"
results = {}


def outcome(call):
    """What a call returns, or the name of what it raises."""
    try:
        value = call()
    except Exception as error:
        response = getattr(error, "response", None)
        return {"raised": type(error).__name__, "status": getattr(response, "status_code", None), "text": str(error)}
    return {"returned": plain(value)}


def plain(value):
    if isinstance(value, Event):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value


def wait_for_sends():
    """Every event is sent by a thread of its own, which is no daemon."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(60)


def new_event(number, **fields):
    event_id = f"01JDCXR1V2M3N4P5Q6R7S8{number:04d}"
    return Event(event_id=event_id, source={"node_id": NODE}, **fields)


client = EventClient(name="client", event_server_url=URL, log_level=logging.DEBUG)
results["has_server"] = str(client.event_server)

# Events as such.
client.log(new_event(1, event_type=EventType.NODE_START, event_data={"node_name": "arm"}))
client.log(new_event(2, event_type=EventType.NODE_ERROR, log_level=EventLogLevel.ERROR, alert=True, event_data=[1, "x"]))
client.log(new_event(3, event_data={"plate": 7}), level=30)
client.log(new_event(4, event_data="text"), alert=True)
client.log_debug(new_event(5))
client.log_info(new_event(6))
client.log_warning(new_event(7, event_data="a warning is a text"), warning_category=None)
client.log_error(new_event(8))
client.log_critical(new_event(9))
client.log_alert(new_event(10))
client.log("only text")
client.log({"event_type": "test", "event_data": {"from": "dict"}, "_id": "01JDCXR1V2M3N4P5Q6R7S80011"})
client.log(ValueError("went wrong"))
wait_for_sends()

# Messages.
client.debug("debug", n=1)
client.info("info", n=2, event_type="node_start")
client.warning("warning", n=3)
client.error("error", n=4)
client.critical("critical", n=5)
try:
    raise KeyError("lost")
except KeyError:
    client.exception("exception", n=6)
client.log_debug("log_debug", n=7)
client.log_info("log_info", n=8)
client.log_warning("log_warning", n=9)
client.log_error("log_error", n=10)
client.log_critical("log_critical", n=11)
bound = client.bind(run="r1", batch=2)
bound.info("bound", n=12)
bound.unbind("batch").info("unbound", n=13)
wait_for_sends()
client.alert("alert", n=14)
wait_for_sends()

# Questions.
results["get_event"] = outcome(lambda: client.get_event("01JDCXR1V2M3N4P5Q6R7S80001"))
results["get_event_of_nobody"] = outcome(lambda: client.get_event("01JDCXR1V2M3N4P5Q6R7S8ZZZZ"))
results["get_events"] = outcome(lambda: client.get_events(number=1000, level=0))
results["get_events_two"] = outcome(lambda: client.get_events(number=2, level=0))
results["get_events_errors"] = outcome(lambda: client.get_events(level=40))
results["get_events_own_level"] = outcome(lambda: EventClient(name="quiet", event_server_url=URL, log_level=50).get_events())
results["query_events"] = outcome(lambda: client.query_events({"event_type": "node_error"}))
results["query_events_nested"] = outcome(
    lambda: client.query_events(
        {"$or": [{"event_data.plate": {"$gte": 7}}, {"alert": True, "log_level": 40}], "trace_id": None}
    )
)
results["query_events_bad"] = outcome(lambda: client.query_events({"log_level": {"$nothing": 1}}))

# A laboratory's day, and reports of it.
day = [
    ("2026-03-02T08:00:00", EventType.WORKCELL_START, {"workcell_id": "01JDCXR1V2M3N4P5Q6R7S8W001"}, {}),
    ("2026-03-02T08:10:00", EventType.EXPERIMENT_START, {"experiment_id": "01JDCXR1V2M3N4P5Q6R7S8E001"}, {}),
    ("2026-03-02T08:15:00", EventType.ACTION_STATUS_CHANGE, {"node_id": NODE}, {"action_id": "a", "status": "running"}),
    ("2026-03-02T08:45:00", EventType.ACTION_STATUS_CHANGE, {"node_id": NODE}, {"action_id": "a", "status": "completed"}),
    ("2026-03-02T09:10:00", EventType.EXPERIMENT_COMPLETE, {"experiment_id": "01JDCXR1V2M3N4P5Q6R7S8E001"}, {}),
    ("2026-03-02T09:20:00", EventType.WORKFLOW_START, {}, {"workflow_id": "w", "author": "Ada", "name": "Prepare"}),
    ("2026-03-02T09:50:00", EventType.WORKFLOW_COMPLETE, {}, {"workflow_id": "w", "author": "Ada", "status": "completed"}),
    ("2026-03-02T10:00:00", EventType.WORKCELL_STOP, {"workcell_id": "01JDCXR1V2M3N4P5Q6R7S8W001"}, {}),
]
for number, (at, event_type, source, data) in enumerate(day):
    event_id = f"01JDCXR1V2M3N4P5Q6R7S8D{number:03d}"
    client.log(Event(event_id=event_id, event_type=event_type, event_timestamp=at, source=source, event_data=data))
wait_for_sends()
window = {"start_time": "2026-03-02T00:00:00Z", "end_time": "2026-03-03T00:00:00Z"}
saved = {"csv_export": True, "save_to_file": True, "output_path": REPORTS}
for name, report in [
    ("sessions", client.get_session_utilization),
    ("periods", client.get_utilization_periods),
    ("users", client.get_user_utilization_report),
]:
    results[name] = outcome(lambda: report(**window))
    results[f"{name}_csv"] = outcome(lambda: report(**window, csv_export=True))
    results[f"{name}_saved"] = outcome(lambda: report(**window, **saved))
results["periods_hourly"] = outcome(
    lambda: client.get_utilization_periods(
        **window, analysis_type="hourly", user_timezone="Europe/Zurich", include_users=False
    )
)

# Only newer clients have these.
if hasattr(client, "archive_events"):
    results["archive_events"] = outcome(lambda: client.archive_events(event_ids=["01JDCXR1V2M3N4P5Q6R7S80001"]))
    results["archive_events_again"] = outcome(lambda: client.archive_events(event_ids=["01JDCXR1V2M3N4P5Q6R7S80001"]))
    results["archive_events_before"] = outcome(lambda: client.archive_events(before_date="2026-03-02T08:30:00"))
    results["archive_events_of_nothing"] = outcome(lambda: client.archive_events())
    results["purge_events"] = outcome(lambda: client.purge_events())
    results["purge_events_now"] = outcome(lambda: client.purge_events(older_than_days=-1))
    results["create_backup"] = outcome(lambda: client.create_backup())
    results["get_backup_status"] = outcome(lambda: client.get_backup_status())

# As fast as one host is not allowed to send to MADSci's server unless it is on the same machine.
begin = time.monotonic()
before = len(client.get_events(number=10000, level=0))
for number in range(400):
    client.log(new_event(5000 + number, event_data={"number": number}))
wait_for_sends()
results["burst"] = len(client.get_events(number=10000, level=0)) - before
results["burst_seconds"] = time.monotonic() - begin

# The file that the client writes beside.
results["log_file"] = client.logfile.is_file()
client.close()
print(json.dumps(results), file=ANSWERS, flush=True)
# Whatever threads the client still has do not matter.
ANSWERS.close()
os._exit(0)
