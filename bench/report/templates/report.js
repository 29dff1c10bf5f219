const unfold = () => {
  const place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let node = place; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  if (place) place.scrollIntoView();
};
addEventListener("hashchange", unfold);
unfold();
addEventListener("beforeprint", () => document.querySelectorAll("main > section > details").forEach((one) => { one.open = true; }));
const source = document.getElementById("data");
if (source) {
  const data = JSON.parse(source.textContent);
  const PAGE = 15;
  const at = (id) => document.getElementById(id);
  const [pair, emotion, outcome, words] = ["pair", "emotion", "outcome", "words"].map(at);
  let shown = 0;
  const make = (tag, text, name) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (name) node.className = name;
    return node;
  };
  const option = (value, text) => Object.assign(make("option", text), { value });
  pair.append(...data.pairs.map((one, place) => option(place, one.name)));
  emotion.append(option("", "all"), ...data.emotions.map((name) => option(name, name)));
  const caption = (query) => {
    const node = make("span", undefined, "caption");
    const named = new Set(query.words.map((word) => word.toLowerCase()));
    for (const part of query.caption.split(/([^\p{L}\p{N}'-]+)/u))
      node.append(named.has(part.toLowerCase()) ? make("mark", part) : part);
    return node;
  };
  const top = (name, rank, clips, own) => {
    const node = make("div");
    node.append(make("p", `${name}: the true clip has rank ${rank}; first come`, "soft"));
    const list = make("div", undefined, "top");
    clips.forEach((clip, place) => {
      const { video, caption: said, picture } = data.clips[clip];
      const item = make("figure", undefined, video === own ? "true" : "");
      const label = `${video === own ? "the true clip, " : ""}${video}: ${said}`;
      if (picture) item.append(Object.assign(make("img"), { src: picture, alt: label, title: label, loading: "lazy" }));
      item.append(make("figcaption", `${place + 1}. ${said}`));
      list.append(item);
    });
    node.append(list);
    return node;
  };
  const changed = (factor) => factor === 1 ? "does not change" : factor > 1 ? `becomes ${factor} times worse`
    : `becomes ${Number((1 / factor).toPrecision(3))} times better`;
  const entry = (chosen, flip) => {
    const query = data.queries[flip.query];
    const fold = make("details", undefined, "flip");
    const line = make("summary");
    const [before, after] = flip.ranks;
    line.append(make("span", flip.won ? "won" : "lost", flip.won ? "won" : "lost"), make("span", `rank ${before} → ${after}`),
      caption(query), ...query.emotions.map((name) => make("span", name, "chip")));
    fold.append(line);
    fold.addEventListener("toggle", () => {
      if (!fold.open || fold.children.length > 1) return;
      const swap = (chosen.swaps || {})[flip.query];
      if (swap) fold.append(make("p", `With the emotion word swapped, “${swap.caption}”, the clip's rank in ${chosen.other} ` +
        `${changed(swap.factor)}.`, "soft"));
      const tops = make("div", undefined, "tops");
      tops.append(top(chosen.one, before, flip.top[0], query.video), top(chosen.other, after, flip.top[1], query.video));
      fold.append(tops);
    });
    const item = make("li");
    item.append(fold);
    return item;
  };
  const show = (place) => {
    const chosen = data.pairs[pair.value];
    const wanted = words.value.trim().toLowerCase();
    const flips = chosen.flips.filter((flip) =>
      (!emotion.value || data.queries[flip.query].emotions.includes(emotion.value)) &&
      (!outcome.value || (outcome.value === "won") === flip.won) &&
      (!wanted || data.queries[flip.query].caption.toLowerCase().includes(wanted)));
    const pages = Math.max(1, Math.ceil(flips.length / PAGE));
    shown = Math.min(Math.max(0, place), pages - 1);
    const won = flips.filter((flip) => flip.won).length;
    at("count").textContent = `${won} won, ${flips.length - won} lost`;
    at("page").textContent = `page ${shown + 1} of ${pages}`;
    at("before").disabled = shown === 0;
    at("after").disabled = shown === pages - 1;
    at("list").replaceChildren(...flips.slice(shown * PAGE, (shown + 1) * PAGE).map((flip) => entry(chosen, flip)));
  };
  [pair, emotion, outcome].forEach((control) => control.addEventListener("change", () => show(0)));
  words.addEventListener("input", () => show(0));
  at("before").addEventListener("click", () => show(shown - 1));
  at("after").addEventListener("click", () => show(shown + 1));
  show(0);
}
