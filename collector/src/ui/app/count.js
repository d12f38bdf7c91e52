// How a number of events is written: the same digits on every machine, so that a shared picture reads alike.

export const formatCount = (count) => count.toLocaleString("en");
