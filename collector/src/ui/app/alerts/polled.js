// What is asked for again and again, so that the page keeps up by itself. What was known stays while the next answer is awaited or does
// not come. While the page is hidden nothing is asked for.

import { useState, useEffect } from "../../vendor/htm-preact.module.js";

/** What asks at once when something was done: a deed may change more than the part of the page where it was done. */
const asking = new Set();

export function refreshAll() {
  for (const ask of asking) ask();
}

/**
 * @param {(signal: AbortSignal) => Promise} read
 * @param {string} key what is asked for: with another key the value is another one
 * @param {number} pauseMilliseconds from an answer to the next question
 * @returns {{value: any, problem: Error | null}} `value` is null before the first answer
 */
export function usePolled(read, key, pauseMilliseconds) {
  const [state, setState] = useState({ key: null, value: null, problem: null });
  useEffect(() => {
    let timer = 0;
    let abort = null;
    let due = false;
    const ask = async () => {
      clearTimeout(timer);
      abort?.abort();
      due = document.hidden;
      if (due) return;
      const own = new AbortController();
      abort = own;
      try {
        const value = await read(own.signal);
        if (own.signal.aborted) return;
        setState({ key, value, problem: null });
      } catch (problem) {
        if (own.signal.aborted) return;
        setState((before) => ({ key, value: before.key === key ? before.value : null, problem }));
      }
      timer = setTimeout(ask, pauseMilliseconds);
    };
    const onVisible = () => due && ask();
    document.addEventListener("visibilitychange", onVisible);
    asking.add(ask);
    ask();
    return () => {
      asking.delete(ask);
      document.removeEventListener("visibilitychange", onVisible);
      clearTimeout(timer);
      abort?.abort();
    };
  }, [key, pauseMilliseconds]);
  return state.key === key ? state : { key, value: null, problem: null };
}
