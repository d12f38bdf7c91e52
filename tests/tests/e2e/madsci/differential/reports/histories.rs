//! What happened in laboratories, as events.

use super::{Pair, event};

/// Time, type, source and data of an event. `~` stands for the first 22 letters of a ULID.
pub(super) type Told = (&'static str, &'static str, &'static str, &'static str);

/// A week with two workcells, a laboratory, nodes, experiments and workflows; not all of it orderly.
pub(super) const WEEK_OF_EVENTS: &[Told] = &[
    ("2026-03-02T13:00:00", "lab_start", r#"{"manager_id": "~M001"}"#, r#"{"lab_name": "Lab of M"}"#),
    (
        "2026-03-02T14:00:00",
        "workcell_start",
        r#"{"workcell_id": "~W001"}"#,
        r#"{"workcell_name": "Cell One", "nodes": {"a": 1}}"#,
    ),
    ("2026-03-02T14:00:01", "log_info", r#"{"node_id": "~N001"}"#, r#"{"message": "nothing"}"#),
    ("2026-03-02T14:01:00", "node_start", r#"{"node_id": "~N001"}"#, r#"{"node_name": "liquid_handler"}"#),
    (
        "2026-03-02T14:02:00",
        "node_start",
        r#"{"node_id": "~N002", "workcell_id": "~W001"}"#,
        r#"{"node_name": " arm "}"#,
    ),
    (
        "2026-03-02T14:10:00",
        "experiment_start",
        r#"{"experiment_id": "~E001"}"#,
        r#"{"experiment": {"experiment_design": {"experiment_name": "Dilution"}}}"#,
    ),
    (
        "2026-03-02T14:15:00",
        "action_status_change",
        r#"{"node_id": "~N001"}"#,
        r#"{"action_id": "a1", "status": "running"}"#,
    ),
    (
        "2026-03-02T14:20:00.5",
        "action_status_change",
        r#"{"node_id": "~N001"}"#,
        r#"{"action_id": "a2", "status": "STARTED"}"#,
    ),
    (
        "2026-03-02T14:30:00",
        "action_status_change",
        r#"{"node_id": "~N001"}"#,
        r#"{"action_id": "a1", "status": "succeeded"}"#,
    ),
    (
        "2026-03-02T14:35:00",
        "action_status_change",
        r#"{"node_id": "~N001"}"#,
        r#"{"action_id": "a2", "status": "failed"}"#,
    ),
    (
        "2026-03-02T14:40:00",
        "action_status_change",
        r#"{"node_id": "~N002"}"#,
        r#"{"action": "b1", "status": "in_progress"}"#,
    ),
    (
        "2026-03-02T14:45:00",
        "action_status_change",
        r#"{"node_id": "~N002"}"#,
        r#"{"action": "b1", "status": "paused"}"#,
    ),
    (
        "2026-03-02T14:50:00",
        "action_status_change",
        r#"{"node_id": "~N002"}"#,
        r#"{"action": "b1", "status": "cancelled"}"#,
    ),
    (
        "2026-03-02T15:00:00",
        "action_status_change",
        r#"{"node_id": "~N002"}"#,
        r#"{"task_id": "never opened", "status": "completed"}"#,
    ),
    (
        "2026-03-02T15:05:00",
        "action_status_change",
        "{}",
        r#"{"node_name": "camera", "action_id": "c1", "status": "running"}"#,
    ),
    (
        "2026-03-02T15:06:00",
        "action_status_change",
        "{}",
        r#"{"node_name": "camera", "action_id": "c1", "status": "finished"}"#,
    ),
    ("2026-03-02T15:10:00", "experiment_complete", r#"{"experiment_id": "~E001"}"#, r#"{"status": "completed"}"#),
    ("2026-03-02T15:20:00", "experiment_start", "{}", r#"{"experiment_id": "exp-2", "experiment_name": "Flat name"}"#),
    (
        "2026-03-02T15:40:00",
        "experiment_start",
        "{}",
        r#"{"experiment": {"_id": "exp-3", "name": "Inner name", "run_name": "run"}}"#,
    ),
    ("2026-03-02T16:00:00", "experiment_failed", "{}", r#"{"experiment_id": "exp-2"}"#),
    ("2026-03-02T16:30:00", "experiment_cancelled", "{}", r#"{"experiment": {"experiment_id": "exp-3"}}"#),
    ("2026-03-02T17:00:00", "node_stop", r#"{"node_id": "~N002"}"#, "{}"),
    ("2026-03-02T17:30:00", "node_status_update", r#"{"node_id": "~N003"}"#, r#"{"node": "n3"}"#),
    ("2026-03-02T18:00:00", "action_status_change", r#"{"node_id": "~N003"}"#, r#"{"_id": "d1", "status": "running"}"#),
    ("2026-03-02T22:00:00", "workcell_stop", r#"{"workcell_id": "~W001"}"#, "{}"),
    ("2026-03-03T14:02:00Z", "workcell_start", r#"{"workcell_id": "~W001"}"#, r#"{"name": "Cell One again"}"#),
    ("2026-03-03T14:30:00Z", "experiment_start", r#"{"experiment_id": "~E004"}"#, "{}"),
    (
        "2026-03-03T15:05:00Z",
        "action_status_change",
        r#"{"node_id": "~N001", "workcell_id": "~W001"}"#,
        r#"{"action_id": "e1", "status": "running"}"#,
    ),
    (
        "2026-03-03T16:07:00Z",
        "action_status_change",
        r#"{"node_id": "~N001"}"#,
        r#"{"action_id": "e1", "status": "completed"}"#,
    ),
    (
        "2026-03-03T23:30:00Z",
        "action_status_change",
        r#"{"node_id": "~N001"}"#,
        r#"{"action_id": "e2", "status": "running"}"#,
    ),
    (
        "2026-03-04T00:45:00Z",
        "action_status_change",
        r#"{"node_id": "~N001"}"#,
        r#"{"action_id": "e2", "status": "completed"}"#,
    ),
    ("2026-03-04T15:04:00Z", "workcell_start", r#"{"workcell_id": "~W001"}"#, "{}"),
    ("2026-03-04T15:10:00Z", "experiment_start", r#"{"experiment_id": "~E005"}"#, r#"{"name": "Seconds"}"#),
    ("2026-03-04T15:10:42.25Z", "experiment_complete", r#"{"experiment_id": "~E005"}"#, r#"{"status": "odd"}"#),
    (
        "2026-03-04T15:20:00Z",
        "experiment_start",
        r#"{"experiment_id": "~E006"}"#,
        r#"{"experiment": {"experiment_design": "x"}}"#,
    ),
    ("2026-03-04T16:03:00Z", "experiment_complete", r#"{"experiment_id": "~E006"}"#, "{}"),
    ("2026-03-04T18:30:30.5Z", "workcell_stop", r#"{"workcell_id": "~W001"}"#, "{}"),
    ("2026-03-04T23:00:00", "lab_stop", r#"{"manager_id": "~M001"}"#, "{}"),
    ("2026-03-05T00:00:00", "workcell_start", "{}", r#"{"workcell_id": "cell-x", "workcell_name": "By data"}"#),
    (
        "2026-03-05T00:30:00",
        "action_status_change",
        "{}",
        r#"{"node_id": "node-y", "action_id": "f1", "status": "running"}"#,
    ),
    (
        "2026-03-05T01:00:00",
        "action_status_change",
        "{}",
        r#"{"node_id": "node-y", "action_id": "f1", "status": "completed"}"#,
    ),
    ("2026-03-05T02:00:00", "workcell_stop", "{}", r#"{"workcell_id": "cell-x"}"#),
    ("2026-03-05T10:00:00", "lab_start", "{}", "{}"),
    ("2026-03-05T11:00:00", "lab_stop", "{}", "{}"),
    (
        "2026-03-02T14:05:00",
        "workflow_start",
        r#"{"user_id": "~V001"}"#,
        r#"{"workflow_id": "w1", "name": "Prepare", "author": "Ada"}"#,
    ),
    (
        "2026-03-02T14:35:00",
        "workflow_complete",
        r#"{"user_id": "~V001"}"#,
        r#"{"workflow_id": "w1", "name": "Prepare", "author": "Ada", "status": "completed", "duration_seconds": 1800}"#,
    ),
    (
        "2026-03-02T15:00:00",
        "workflow_start",
        "{}",
        r#"{"workflow_id": "w2", "workflow_name": "Measure", "definition_metadata": {"author": " Grace "}}"#,
    ),
    ("2026-03-02T16:30:30", "workflow_complete", "{}", r#"{"workflow_id": "w2", "status": "failed"}"#),
    (
        "2026-03-03T15:00:00",
        "workflow_start",
        "{}",
        r#"{"workflow_id": "w3", "workflow_definition_metadata": {"author": "Ada"}}"#,
    ),
    (
        "2026-03-03T15:20:00",
        "workflow_complete",
        "{}",
        r#"{"workflow_id": "w3", "status": {"cancelled": true, "description": "x"}}"#,
    ),
    ("2026-03-03T16:00:00", "workflow_start", "{}", r#"{"workflow_id": "w4", "author": "   "}"#),
    (
        "2026-03-03T17:00:00",
        "workflow_complete",
        "{}",
        r#"{"workflow_id": "w5", "author": "Ada", "duration_seconds": 90.5}"#,
    ),
    (
        "2026-03-03T18:00:00",
        "workflow_complete",
        "{}",
        r#"{"workflow_id": "w6", "author": "Bob, the \"builder\"", "start_time": "2026-03-03T17:00:00", "end_time": "2026-03-03T17:30:00Z", "status": {"description": "Run FAILED at step 2"}}"#,
    ),
    ("2026-03-03T19:00:00", "workflow_abort", "{}", r#"{"workflow_id": "w4"}"#),
    ("2026-03-04T15:30:00", "workflow_start", "{}", r#"{"author": "No id"}"#),
    ("2026-03-04T16:30:00", "workflow_step_complete", "{}", r#"{"workflow_id": "w1", "step": 1}"#),
];

pub(super) fn tell(pair: &Pair, history: &[Told]) {
    for (number, (time, kind, source, data)) in history.iter().enumerate() {
        let text = format!(
            r#"{{"_id": "r{number:03}", "event_type": "{kind}", "event_timestamp": "{time}", "source": {source}, "event_data": {data}}}"#
        );
        pair.same(event(text.replace('~', "01JDCXR1V2M3N4P5Q6R7S8")));
    }
}

/// Little, and little order.
pub(super) const SMALL: &[&[Told]] = &[
    &[("2026-05-01T10:00:00", "log_info", "{}", "{}")],
    &[("2026-05-01T10:00:00", "workcell_start", r#"{"workcell_id": "~W001"}"#, "{}")],
    &[("2026-05-01T10:00:00", "workcell_stop", r#"{"workcell_id": "~W001"}"#, "{}")],
    &[
        ("2026-05-01T10:00:00", "experiment_start", r#"{"experiment_id": "~E001"}"#, "{}"),
        (
            "2026-05-01T11:00:00",
            "action_status_change",
            r#"{"node_id": "~N001"}"#,
            r#"{"action_id": "a", "status": "running"}"#,
        ),
    ],
    &[
        ("2026-05-01T10:00:00", "workcell_start", r#"{"workcell_id": "~W001"}"#, "{}"),
        ("2026-05-01T10:30:00", "experiment_complete", r#"{"experiment_id": "~E001"}"#, "{}"),
        ("2026-05-01T11:00:00", "workcell_start", r#"{"workcell_id": "~W001"}"#, "{}"),
        ("2026-05-01T11:00:00", "workcell_stop", r#"{"workcell_id": "~W001"}"#, "{}"),
    ],
    &[
        ("2026-05-01T10:00:00", "workcell_start", r#"{"workcell_id": "~W001"}"#, r#"{"nodes": []}"#),
        ("2026-05-01T10:05:00", "node_start", r#"{"node_id": "~N001"}"#, "{}"),
        ("2026-05-01T10:10:00", "node_stop", r#"{"node_id": "~N001"}"#, "{}"),
        ("2026-05-01T10:15:00", "node_start", r#"{"node_id": "~N001"}"#, "{}"),
        (
            "2026-05-01T10:20:00",
            "action_status_change",
            r#"{"node_id": "~N001"}"#,
            r#"{"action_id": 7, "status": "running"}"#,
        ),
        ("2026-05-01T10:25:00", "workcell_stop", r#"{"workcell_id": "~W001"}"#, "{}"),
        (
            "2026-05-01T10:30:00",
            "action_status_change",
            r#"{"node_id": "~N001"}"#,
            r#"{"action_id": 7, "status": "completed"}"#,
        ),
    ],
];

const START: Told = ("2026-05-01T10:00:00", "workcell_start", r#"{"workcell_id": "~W001"}"#, "{}");

/// Data that is not as MADSci writes it, with the report that MADSci cannot make of it.
pub(super) const ODD: &[(&str, &[Told])] = &[
    ("sessions", &[("2026-05-01T10:00:00", "workcell_start", r#"{"workcell_id": "~W001"}"#, r#""only text""#)]),
    (
        "sessions",
        &[
            START,
            ("2026-05-01T10:10:00", "experiment_start", r#"{"experiment_id": "~E001"}"#, r#"{"experiment": "text"}"#),
        ],
    ),
    (
        "user",
        &[
            ("2026-05-01T10:10:00", "workflow_start", "{}", "[1]"),
            ("2026-05-01T10:20:00", "workflow_complete", "{}", "null"),
        ],
    ),
    (
        "user",
        &[(
            "2026-05-01T10:10:00",
            "workflow_complete",
            "{}",
            r#"{"workflow_id": "w", "author": "A", "duration_seconds": "90.5"}"#,
        )],
    ),
];

/// From eight to twelve, with an experiment from nine to ten.
pub(super) const OVER_ZONES: &[Told] = &[
    ("2026-05-01T10:00:00+02:00", "workcell_start", r#"{"workcell_id": "~W001"}"#, "{}"),
    ("2026-05-01T09:00:00Z", "experiment_start", r#"{"experiment_id": "~E001"}"#, "{}"),
    ("2026-05-01T05:00:00-05:00", "experiment_complete", r#"{"experiment_id": "~E001"}"#, "{}"),
    ("2026-05-01T14:00:00+02:00", "workcell_stop", r#"{"workcell_id": "~W001"}"#, "{}"),
];

/// Four days, with an experiment soon after midnight of the last but one.
pub(super) const OVER_CLOCK_CHANGE: &[Told] = &[
    ("2026-03-06T06:00:00Z", "workcell_start", r#"{"workcell_id": "~W001"}"#, "{}"),
    ("2026-03-09T05:10:00Z", "experiment_start", r#"{"experiment_id": "~E001"}"#, "{}"),
    ("2026-03-09T05:50:00Z", "experiment_complete", r#"{"experiment_id": "~E001"}"#, "{}"),
    ("2026-03-10T12:00:00Z", "workcell_stop", r#"{"workcell_id": "~W001"}"#, "{}"),
];
