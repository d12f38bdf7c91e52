// The collector's HTTP interface about alerts: what is asked, and what is done. Problems are those of `api.js`.

import { ask } from "../api.js";

const ROOT = "/api/v1";
const named = (kind, name, deed) => `${ROOT}/${kind}/${encodeURIComponent(name)}${deed ? `/${deed}` : ""}`;

const read = async (path, signal, parameters) => (await ask(path, { parameters, signal })).body;
const post = async (path, body = {}, parameters = {}, signal = undefined) => (await ask(path, { method: "POST", body, parameters, signal })).body;

export const readAlerts = (parameters, signal) => read(`${ROOT}/alerts`, signal, parameters);
export const readAlert = (id, signal) => read(named("alerts", id), signal);
export const acknowledge = ({ id, episode }, by, note) => post(named("alerts", id, "acknowledge"), { episode, by, note });
export const unacknowledge = ({ id, episode }) => post(named("alerts", id, "unacknowledge"), { episode });

export const readSilences = async (signal) => (await read(`${ROOT}/silences`, signal)).silences;
export const makeSilence = (request) => post(`${ROOT}/silences`, request);
export const previewSilence = async (request, signal) => (await post(`${ROOT}/silences/preview`, request, {}, signal)).alerts;
export const endSilence = async (id) => (await ask(named("silences", id), { method: "DELETE" })).body;

export const readRules = (signal) => read(`${ROOT}/rules`, signal);
export const readRule = (name, signal) => read(named("rules", name), signal);
export const tryRule = (section, parameters, signal) => post(`${ROOT}/rules/test`, section, parameters, signal);

export const readReceivers = async (signal) => (await read(`${ROOT}/receivers`, signal)).receivers;
export const testReceiver = (name) => post(named("receivers", name, "test"));

export const readNotifications = async (parameters, signal) => (await read(`${ROOT}/notifications`, signal, parameters)).notifications;
export const retryNotification = (key) => post(named("notifications", key, "retry"));
