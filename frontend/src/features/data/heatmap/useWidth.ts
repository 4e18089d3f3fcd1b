import { type RefObject, useLayoutEffect, useRef, useState } from "react";

/**
 * Return how wide an element is, in pixels, known before it is painted for the first time. Mantine's hook knows it a
 * frame later, and a tab in the background has no frames.
 */
export function useWidth<E extends HTMLElement>(): [RefObject<E | null>, number] {
  const element = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measured = element.current;
    if (!measured) return;
    const measure = () => setWidth(measured.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(measured);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}
