/** Makes a live tree equal to a wanted one by the fewest steps, so that focus, scroll and selection stay where they are. */
export function patch(live: Element, wanted: Element): void {
  patchAttributes(live, wanted);
  const want = Array.prototype.slice.call(wanted.childNodes) as readonly ChildNode[];
  for (let i = 0; i < want.length; i++) {
    const next = want[i];
    const have = live.childNodes[i];
    if (next === undefined) continue;
    if (have === undefined) live.appendChild(next);
    else if (!alike(have, next)) live.replaceChild(next, have);
    else if (have instanceof Element && next instanceof Element) patch(have, next);
    else if (have.nodeValue !== next.nodeValue) have.nodeValue = next.nodeValue;
  }
  while (live.childNodes.length > want.length && live.lastChild !== null) live.removeChild(live.lastChild);
}

function alike(a: Node, b: Node): boolean {
  if (a.nodeType !== b.nodeType || a.nodeName !== b.nodeName) return false;
  // Elements with an id are that thing and no other: a button must not become another meeting's under a finger.
  return !(a instanceof Element && b instanceof Element) || a.id === b.id;
}

function patchAttributes(live: Element, wanted: Element): void {
  for (let i = live.attributes.length - 1; i >= 0; i--) {
    const name = live.attributes[i]?.name;
    if (name !== undefined && !wanted.hasAttribute(name)) live.removeAttribute(name);
  }
  for (let i = 0; i < wanted.attributes.length; i++) {
    const attribute = wanted.attributes[i];
    if (attribute === undefined) continue;
    if (live.getAttribute(attribute.name) !== attribute.value) live.setAttribute(attribute.name, attribute.value);
  }
}
