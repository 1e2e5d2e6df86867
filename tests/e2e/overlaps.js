// Texts and fields that stand on each other. Gives a list of sentences, empty when the page is clean.
() => {
  const boxes = [];
  const seen = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true });

  // A text may be cut by the boxes around it: what is cut away cannot overlap.
  const clip = (rect, element) => {
    let { left, top, right, bottom } = rect;
    for (let box = element; box && box !== document.body; box = box.parentElement) {
      const style = getComputedStyle(box);
      if (style.overflowX !== "visible" || style.overflowY !== "visible" || style.clipPath !== "none") {
        const edge = box.getBoundingClientRect();
        left = Math.max(left, edge.left);
        right = Math.min(right, edge.right);
        top = Math.max(top, edge.top);
        bottom = Math.min(bottom, edge.bottom);
      }
    }
    return { left, top, right, bottom };
  };
  const layer = (element) => {
    for (let box = element; box; box = box.parentElement) {
      if (["fixed", "sticky"].includes(getComputedStyle(box).position)) return box;
    }
    return null;
  };
  const add = (rect, element, name, owner) => {
    const { left, top, right, bottom } = clip(rect, element);
    if (right - left > 2 && bottom - top > 2) {
      // The box of a line of text is higher than its letters: only the middle counts.
      const trim = owner.nodeType === Node.TEXT_NODE ? (bottom - top) * 0.22 : 1;
      boxes.push({ left: left + 1, right: right - 1, top: top + trim, bottom: bottom - trim, name, owner, layer: layer(element) });
    }
  };

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const element = text.parentElement;
    if (!text.data.trim() || element.closest("script, style, template, option, noscript") || !seen(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    for (const rect of range.getClientRects()) add(rect, element, text.data.trim().slice(0, 40), text);
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (seen(field)) add(field.getBoundingClientRect(), field, `[${field.name || field.id}]`, field);
  }

  boxes.sort((one, other) => one.top - other.top);
  const found = new Set();
  boxes.forEach((one, place) => {
    for (let next = place + 1; next < boxes.length && boxes[next].top < one.bottom; next++) {
      const other = boxes[next];
      if (one.owner === other.owner || one.layer !== other.layer) continue;
      const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const height = Math.min(one.bottom, other.bottom) - other.top;
      if (width > 1 && height > 1) found.add(`«${one.name}» and «${other.name}»`);
    }
  });
  return [...found];
}
