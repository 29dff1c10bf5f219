"""The page and the JSON without a browser: what is found, what is said when nothing is, who may ask."""

import html
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.demo import client_of, session

from bench.demo.session import Session, open_second
from bench.errors import UsageError
from bench.search.searcher import Choice, open_folder
from bench.utils.terminal import printable

TestClient = pytest.importorskip("starlette.testclient", reason="the extra demo is not installed").TestClient


def files(page: str) -> list[str]:
    return re.findall(r'class="file">([^<]+)<', page)


# --- answers --------------------------------------------------------------------------------------------------------


def test_a_query_in_the_address_is_answered_without_a_script(client: TestClient) -> None:
    page = client.get("/", params={"q": "something green"})
    assert page.status_code == 200
    assert files(page.text)[0] == "green.mp4"
    assert re.search(r'<video controls [^>]*src="/clips/\d+#t=0.00,2.00"', page.text)
    assert "score <b>1.000</b>" in page.text


def test_a_moment_of_a_long_clip_is_where_the_player_starts(client: TestClient) -> None:
    page = client.get("/?q=blue").text
    assert re.search(r'src="/clips/\d+#t=(20|25|30)\.00,', page)


def test_the_query_s_emotions_are_shown(client: TestClient) -> None:
    page = client.get("/?q=happy+red").text
    assert re.findall(r'class="chip \w+">(\w+)<', page)[0] == "joy"  # NRC ties "happy" to joy
    assert "none that the lexicon knows" in client.get("/?q=red").text


def test_words_of_the_query_stay_words(client: TestClient) -> None:
    page = client.get("/", params={"q": '<script>alert("red")</script>'}).text
    assert "<script>alert" not in page and "&lt;script&gt;" in page


def test_what_browsers_do_not_play_has_a_still_instead(client: TestClient) -> None:
    card = re.search(r'<li class="card"[^>]*>(?:(?!</li>).)*old\.avi.*?</li>', client.get("/?q=blue").text, re.S)
    assert card is not None
    assert "Browsers do not play avi files" in card[0]
    assert re.search(r'<img src="/stills/\d+\.jpg\?at=1\.00"', card[0]) and "<video" not in card[0]


def test_the_json_has_the_same_moments(client: TestClient) -> None:
    found = client.get("/api/search", params={"q": "happy blue", "k": 3}).json()
    assert len(found["moments"]) == 3
    assert found["moments"][0]["file"] in ("blue.mp4", "old.avi")
    assert client.get(found["moments"][0]["clip"].partition("#")[0]).status_code == 200
    assert client.get(found["moments"][0]["still"]).status_code == 200
    assert found["emotions"]["joy"] == 1


def test_no_answer_says_where_the_folder_lies(client: TestClient, clips: Path) -> None:
    for path in ("/", "/?q=red", "/api/search?q=red", "/nowhere"):
        assert str(clips) not in client.get(path).text


def test_faces_are_bars(first: Session) -> None:
    from bench.search.searcher import Answer, Moment

    moment = Moment("red.mp4", 0.0, 2.0, 0.5, {"joy": 0.75, "anger": 0.2, "fear": 0.0, "calm": 0.05})
    answer = Answer("red", dict.fromkeys(("joy",), 0), "clip:a", "sees", "", 1, (moment,))
    first.ask = lambda query, k: answer  # type: ignore[method-assign]
    page = client_of([first]).get("/?q=red").text
    assert re.findall(r"<dt>(\w+)</dt>", page) == ["joy", "fear", "anger", "calm"]
    assert '<rect class="joy" width="75.0"' in page and "<span>0.75</span>" in page


def test_queries_at_the_same_time_get_their_own_answers(client: TestClient) -> None:
    def ask(number: int) -> bool:
        colour = ("red", "green", "blue")[number % 3]
        found = client.get("/api/search", params={"q": f"{colour} {number}", "k": 1}).json()
        return found["query"] == f"{colour} {number}" and found["moments"][0]["score"] > 0.9

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(60)))


@pytest.mark.parametrize("name", [b"bl\xfce.mp4", b"a\rb.mp4"])
def test_a_name_that_is_no_text_is_shown_escaped_and_its_clip_is_played(clips: Path, name: bytes) -> None:
    os.rename(clips / "green.mp4", os.path.join(os.fsencode(clips), name))  # noqa: PTH104, PTH118
    client = client_of([session(clips)])
    page = client.get("/?q=green")
    assert page.status_code == 200
    assert html.unescape(files(page.text)[0]) == printable(os.fsdecode(name))
    found = client.get("/api/search?q=green&k=1").json()["moments"][0]
    assert found["file"] == printable(os.fsdecode(name))
    assert client.get(found["clip"].partition("#")[0]).status_code == 200
    os.remove(os.path.join(os.fsencode(clips), name))  # noqa: PTH107, PTH118
    gone = client.get(found["clip"].partition("#")[0])
    assert gone.status_code == 404 and printable(os.fsdecode(name)) in gone.text


# --- nothing to show ------------------------------------------------------------------------------------------------


def test_the_first_page_has_examples(client: TestClient) -> None:
    page = client.get("/").text
    assert 'href="/?q=happy+smiling+people"' in page
    assert "<video" not in page and 'role="alert"' not in page


@pytest.mark.parametrize("query", ["", "   ", "\t"])
def test_an_empty_query_is_asked_for_words(client: TestClient, query: str) -> None:
    page = client.get("/", params={"q": query})
    assert page.status_code == 200 and "Type what you look for." in page.text and "aria-invalid" in page.text
    answer = client.get("/api/search", params={"q": query})
    assert (answer.status_code, answer.json()) == (400, {"error": "Type what you look for."})


def test_a_query_may_be_300_characters_long_and_no_longer(client: TestClient) -> None:
    assert client.get("/", params={"q": "r" * 300}).status_code == 200
    said = "The query has 301 characters; 300 are the most. Shorten it."
    for path in ("/", "/api/search"):
        answer = client.get(path, params={"q": "r" * 301})
        assert answer.status_code == 400 and said in answer.text


@pytest.mark.parametrize("k", ["0", "101", "-1", "x", "1.5", "9" * 30])
def test_k_has_bounds(client: TestClient, k: str) -> None:
    answer = client.get("/api/search", params={"q": "red", "k": k})
    assert (answer.status_code, answer.json()["error"]) == (400, "k takes a number from 1 to 100.")


def test_a_folder_of_broken_clips_finds_nothing_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "broken.mp4").write_bytes(b"no video")
    page = client_of([session(tmp_path / "clips")]).get("/?q=red").text
    assert "Nothing found: no clip of this folder could be indexed." in page
    assert re.search(r"<li>broken\.mp4: ", page)


def test_a_page_that_there_is_not_is_said_so(client: TestClient) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404 and "Not Found" in answer.text and "aria-invalid" not in answer.text
    assert client.get("/docs").status_code == client.get("/openapi.json").status_code == 404


# --- who may ask, and what a page may do ----------------------------------------------------------------------------


def test_only_names_of_this_machine_are_answered_to(client: TestClient) -> None:
    assert client.get("/", headers={"Host": "127.0.0.1:8000"}).status_code == 200
    odd = ("[::1]evil.example", "[::1]:80evil", "127.0.0.1:80:80", "127.0.0.1:evil", "[127.0.0.1", "evil.example[::1]")
    for host in ("evil.example", "127.0.0.1.evil.example", "", "[::2]:8000", *odd):
        assert client.get("/", headers={"Host": host}).status_code == 400


def test_every_answer_forbids_what_is_not_of_this_server(client: TestClient) -> None:
    for path in ("/", "/?q=red", "/api/search?q=red", "/static/demo.js", "/nowhere", "/clips/0"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_pages_have_no_script_style_or_address_of_their_own(client: TestClient) -> None:
    for path in ("/", "/?q=red", "/?q="):
        page = client.get(path).text
        assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=", page)
        assert not re.search(r"(?:src|href|action)=\"(?:[a-z]+:|//)", page)


# --- two models -----------------------------------------------------------------------------------------------------


@pytest.fixture
def both(first: Session, tmp_path: Path) -> list[Session]:
    return [first, open_second(first, "clip:b", tmp_path / "results")]


def test_two_models_answer_side_by_side(both: list[Session]) -> None:
    client = client_of(both)
    one, other = client.get("/?q=green&compare=1").text.split('id="model-2"')
    assert files(one)[0] == "green.mp4"
    assert files(other)[-1] == "green.mp4"  # what the second one likes least
    assert "rank 1 in A<" in other
    assert 'name="compare" value="1" checked' in one
    found = client.get("/api/search?q=green&compare=1").json()
    assert found["moments"][0]["file"] == found["compared"]["moments"][-1]["file"] == "green.mp4"


def test_without_the_switch_only_the_first_is_asked(both: list[Session]) -> None:
    page = client_of(both).get("/?q=green").text
    assert 'id="model-2"' not in page and 'type="checkbox" id="compare"' in page


def test_one_model_has_no_switch(client: TestClient) -> None:
    page = client.get("/?q=green&compare=1")
    assert page.status_code == 200 and "compare" not in page.text


def test_the_second_index_is_kept_and_the_first_one_left_as_it_was(
    first: Session, both: list[Session], clips: Path
) -> None:
    again = open_second(first, "clip:b", clips.parent / "results")
    assert both[1].searcher.summary.new == again.searcher.summary.kept == 6
    assert open_folder(clips, clips.parent, Choice()).store.about.model == "clip:a"


def test_the_second_index_has_the_windows_of_the_first(clips: Path) -> None:
    first = Session(open_folder(clips, clips.parent, Choice("clip:a", window=4.0)), clips)
    second = open_second(first, "clip:b", clips.parent)
    assert second.searcher.store.about.window == 4
    assert len(second.searcher.store) == len(first.searcher.store)


def test_a_model_is_not_compared_with_itself(first: Session) -> None:
    with pytest.raises(UsageError, match="--compare clip:a is the model that is compared with"):
        open_second(first, "clip:a", Path("results"))


def test_head_is_answered_as_get_without_a_body(client: TestClient) -> None:
    for address in ("/", "/?q=red", "/api/search?q=red", "/static/demo.css", "/style.css"):
        got, headed = client.get(address), client.head(address)
        assert headed.status_code == got.status_code == 200
        assert headed.headers["content-type"] == got.headers["content-type"]
