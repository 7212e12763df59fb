// Renews the page while somebody looks at it. Nothing else needs a script.
"use strict";
(() => {
  const SECONDS = 30;
  const main = () => document.querySelector("main[data-refreshed]");
  const button = document.createElement("button");
  let paused = false;
  const name = () => {
    button.textContent = paused ? "Keep this page up to date" : `Stop renewing (every ${SECONDS} seconds)`;
  };
  button.type = "button";
  button.className = "quiet";
  button.addEventListener("click", () => { paused = !paused; name(); });
  name();
  document.querySelector("footer")?.append(button);

  // who types, reads a table with the keyboard or has opened something is left alone
  const isTyped = (field) => field.type !== "hidden" && field.value !== field.defaultValue;
  const isBusy = () =>
    paused || document.hidden || main().contains(document.activeElement) || main().querySelector("details[open]") ||
    [...main().querySelectorAll("input, textarea")].some(isTyped);

  const renew = () => {
    if (!main() || isBusy()) return;
    const request = new XMLHttpRequest();
    request.open("GET", location.href.split("#")[0]);
    request.responseType = "document";  // parsed without running anything
    request.timeout = 20000;
    request.addEventListener("load", () => {
      const fresh = request.response?.querySelector("main[data-refreshed]");
      if (request.status === 200 && fresh && !isBusy()) {
        main().replaceWith(document.adoptNode(fresh));
        const made = request.response.querySelector("footer p");
        if (made) document.querySelector("footer p")?.replaceWith(document.adoptNode(made));
      }
    });
    request.send();
  };
  setInterval(renew, SECONDS * 1000);
})();
