import { useCallback, useEffect, useState } from "react";

/** Whether a part of the page fills the screen. The whole document is made full, so that what opens over it is seen. */
export function useFullScreen(): [boolean, () => void] {
  const [isFull, setFull] = useState(false);
  useEffect(() => {
    const note = () => {
      if (!document.fullscreenElement) setFull(false);
    };
    document.addEventListener("fullscreenchange", note);
    return () => document.removeEventListener("fullscreenchange", note);
  }, []);
  const toggle = useCallback(() => {
    setFull((before) => {
      if (before) void document.exitFullscreen?.().catch(() => undefined);
      // Where the browser refuses, or knows no full screen (iPhone), the page's whole window is used.
      else void document.documentElement.requestFullscreen?.().catch(() => undefined);
      return !before;
    });
  }, []);
  return [isFull, toggle];
}
