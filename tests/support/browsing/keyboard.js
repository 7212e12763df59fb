// Tells of the element that has the focus, or null. `focusable` is what a person with a keyboard alone should reach.
(() => {
  const CAN = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not([tabindex='-1'])";
  const all = [...document.querySelectorAll(CAN)].filter((each) => {
    if (each.disabled || !each.checkVisibility({ visibilityProperty: true })) return false;
    if (each.type !== "radio") return true;  // a group is one stop
    const group = [...document.querySelectorAll(`input[type=radio][name="${CSS.escape(each.name)}"]`)]
      .filter((other) => other.form === each.form);
    return each === (group.find((other) => other.checked) || group[0]);
  });
  const name = (each) => `${each.tagName.toLowerCase()} '${(each.innerText || each.name || each.id).trim().slice(0, 50)}'`;
  const at = document.activeElement;
  const has = at && at !== document.body && at !== document.documentElement;
  if (!has) return { focusable: all.map(name), at: null };
  const style = getComputedStyle(at), box = at.getBoundingClientRect();
  // of the part that is in the window: a list may be longer than that
  const between = (from, to, end) => (Math.max(from, 0) + Math.min(to, end)) / 2;
  const middle = [between(box.left, box.right, innerWidth), between(box.top, box.bottom, innerHeight)];
  const top = document.elementFromPoint(...middle);
  return {
    focusable: all.map(name),
    at: {
      place: all.indexOf(at),
      name: name(at),
      href: at.getAttribute("href") || "",
      // "auto" is the browser's own, which it draws well on any ground
      outlined: style.outlineStyle === "auto" || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2),
      shown: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
      covered: !(top && (top === at || at.contains(top) || top.contains(at))),
    },
  };
})()
