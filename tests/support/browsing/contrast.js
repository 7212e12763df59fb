// Measures contrast inside pictures, which axe-core leaves out. Answers one line of text for each shape that is too faint.
// Computed colours are mixed from what lies beneath: shapes that were drawn before, then the boxes around the picture.
(() => {
  const TEXT = 4.5, GRAPHIC = 3;  // WCAG 2.2: 1.4.3 and 1.4.11
  const SHAPES = "rect, line, path, circle, ellipse, polygon, polyline";
  const pixel = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
    .getContext("2d", { willReadFrequently: true });

  function rgba(text) {
    if (text === "none" || !text) return [0, 0, 0, 0];
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = text;
    pixel.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  }

  const over = ([r, g, b, a], below) => [r, g, b].map((value, n) => value * a + below[n] * (1 - a));
  const luminance = (colour) => {
    const [r, g, b] = colour.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };

  function opacity(element) {
    let found = 1;
    for (let at = element; at instanceof Element; at = at.parentElement) found *= Number(getComputedStyle(at).opacity);
    return found;
  }

  // what an element paints at a point: its fill, or a box's background
  function paint(element, what) {
    const style = getComputedStyle(element);
    const colour = rgba(element instanceof SVGGeometryElement || element instanceof SVGTextContentElement
      ? style[what] : style.backgroundColor);
    const own = element instanceof SVGElement ? Number(style[`${what}Opacity`] || 1) : 1;
    return [...colour.slice(0, 3), colour[3] * own * opacity(element)];
  }

  // what lies beneath a shape: all that was drawn before it at that point
  function beneath(element, x, y) {
    const layers = document.elementsFromPoint(x, y).filter((each) =>
      each !== element && !element.contains(each) &&
      (each.contains(element) || each.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING));
    let colour = [255, 255, 255];
    for (const each of layers.reverse()) {
      if (!(each instanceof SVGTextContentElement)) colour = over(paint(each, "fill"), colour);
    }
    return colour;
  }

  function judged(element, x, y, kinds, least) {
    const below = beneath(element, x, y);
    const found = Math.max(...kinds.map((kind) => ratio(over(paint(element, kind), below), below)));
    if (found >= least) return [];
    const name = `${element.tagName}.${element.getAttribute("class") || ""}`;
    return [`${name} '${element.textContent.trim().slice(0, 40)}': ${found.toFixed(2)} in place of ${least}`];
  }

  function points(element) {
    const box = element.getBoundingClientRect();
    const middle = box.top + box.height / 2;
    if (!(element instanceof SVGTextContentElement)) return [[box.left + box.width / 2, middle]];
    return [0.1, 0.5, 0.9].map((part) => [box.left + box.width * part, middle]);
  }

  const faint = [];
  let seen = 0;
  for (const picture of document.querySelectorAll("main svg")) {
    for (const element of picture.querySelectorAll(`text, ${SHAPES}`)) {
      if (element.closest("defs, [aria-hidden=true]")) continue;
      const box = element.getBoundingClientRect();
      if (!box.width && !box.height) continue;
      element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
      const isText = element instanceof SVGTextContentElement;
      const kinds = isText ? ["fill"] : element.tagName === "line" ? ["stroke"] : ["fill", "stroke"];
      seen += 1;
      for (const [x, y] of points(element)) {
        faint.push(...judged(element, x, y, kinds, isText ? TEXT : GRAPHIC));
      }
    }
  }
  return { seen, faint: [...new Set(faint)] };
})()
