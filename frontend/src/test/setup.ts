import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { server } from "./server";

// What Mantine asks of a browser and jsdom does not have.
Object.defineProperty(window, "matchMedia", {
  value: (query: string) => ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    addListener: () => undefined,
    removeListener: () => undefined,
  }),
});
class Observer {
  observe() {}
  unobserve() {}
  disconnect() {}
}
window.ResizeObserver = Observer;
window.IntersectionObserver ??= Observer as unknown as typeof IntersectionObserver;
Object.defineProperty(document, "fonts", { value: new EventTarget() }); // a growing text field asks it
Element.prototype.scrollIntoView = () => undefined;

// For busy machines: what is waited for comes within a second on others.
configure({ asyncUtilTimeout: 15_000 });

beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
afterEach(() => {
  cleanup();
  server.resetHandlers();
  localStorage.clear();
});
afterAll(() => server.close());
