// A view whose state is the page's address, so that a link shows what its sender saw and the back button goes back.

import { useEffect, useRef, useState } from "../vendor/htm-preact.module.js";

/** The view, the newest of it for what runs later, and `put`, which changes it: as a step that the back button undoes, or in place. */
export function useAddressedView(viewOfAddress, addressOfView) {
  const [view, setView] = useState(() => viewOfAddress(location.search));
  const latest = useRef(view);
  latest.current = view;
  useEffect(() => {
    const onBack = () => setView(viewOfAddress(location.search));
    addEventListener("popstate", onBack);
    return () => removeEventListener("popstate", onBack);
  }, []);
  const put = (changes, inPlace) => {
    const next = { ...latest.current, ...changes };
    latest.current = next;
    history[inPlace ? "replaceState" : "pushState"](null, "", addressOfView(next));
    setView(next);
  };
  return { view, latest, put };
}
