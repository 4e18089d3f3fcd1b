/**
 * Call *hide* once the page has been out of sight for *afterMs*, and *show* when it is seen again after that;
 * return what ends this.
 */
export function watchHidden(afterMs: number, hide: () => void, show: () => void): () => void {
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let isAway = false;
  const look = () => {
    clearTimeout(waiting);
    if (document.visibilityState === "hidden") {
      waiting = setTimeout(() => {
        isAway = true;
        hide();
      }, afterMs);
    } else if (isAway) {
      isAway = false;
      show();
    }
  };
  look();
  document.addEventListener("visibilitychange", look);
  return () => {
    clearTimeout(waiting);
    document.removeEventListener("visibilitychange", look);
  };
}
