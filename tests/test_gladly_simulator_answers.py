"""Gladly's answers in the simulator: what everybody may read, and what those who write them see."""

import pytest
from gladly_fixtures import Gladly

CARDS = "answer/Gift cards"
SHIPPING = "answer/International shipping delays"


@pytest.fixture
def gladly() -> Gladly:
    return Gladly()


@pytest.fixture
def public() -> Gladly:
    return Gladly(auth=None)


def org(gladly: Gladly) -> str:
    return f"/orgs/{gladly.id_of('organization')}"


def test_public_answers_need_no_credential_and_come_by_name(public):
    answers = public("GET", f"{org(public)}/answers").json()
    names = [a["name"] for a in answers]
    assert names == ["Gift cards", "International shipping delays", "Returns"]
    assert public("GET", f"{org(public)}/answers/{answers[0]['id']}").json() == answers[0]
    assert public("GET", f"{org(public)}/answers/x").json()["errors"]["code"] == "not_exist"
    for path in ("answers", "answers-search", "help-center/x/answer-titles"):
        assert public("GET", f"/orgs/elsewhere/{path}").status_code == 404
    assert public("GET", f"/answers/{answers[0]['id']}").status_code == 401


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"lng": "fr-fr"}, 0),
        ({"lng": "es-419"}, 1),
        ({"audienceId": "vip"}, 1),
        ({"audienceId": "everybody"}, 3),
        ({"audienceId": "x"}, 0),
    ],
)
def test_public_answers_are_those_of_a_language_and_an_audience(public, query, count):
    if audience := query.get("audienceId"):
        query = {"audienceId": public.id_of(f"audience/{audience}") if audience != "x" else "x"}
    assert len(public("GET", f"{org(public)}/answers", params=query).json()) == count


def test_no_answer_for_agents_alone_is_public(public):
    checks = public.id_of("answer/Identity checks")
    assert public("GET", f"{org(public)}/answers/{checks}").status_code == 404
    assert "PIN" not in public("GET", f"{org(public)}/answers").text


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("CUSTOMS days", ["International shipping delays"]),
        ("re", ["Gift cards", "Returns"]),
        ("unicorn", []),
        ("", []),
    ],
)
def test_a_search_finds_every_word_in_name_or_text(public, words, found):
    rows = public("GET", f"{org(public)}/answers-search", params={"q": words}).json()
    assert [row["name"] for row in rows] == found
    assert all(row.keys() == {"id", "name"} for row in rows)


def test_a_help_centre_shows_titles(public):
    path = f"{org(public)}/help-center/{public.id_of('help-center/main')}/answer-titles"
    assert public("GET", path).json() == [
        {"id": public.id_of(SHIPPING), "name": "International shipping delays"}
    ]
    assert public("GET", f"{org(public)}/help-center/x/answer-titles").status_code == 404


def test_a_thousand_answers_are_listed_and_the_cut_is_not_told(gladly):
    for n in range(1000):
        gladly.world.put("answers", {"id": f"a{n}", "name": f"A {n:04d}", "createdAt": "x"})
        content = {"answerId": f"a{n}", "language": "en-us", "type": "public", "bodyHtml": ""}
        gladly.world.put("contents", {"id": f"c{n}"} | content)
    answer = gladly("GET", f"{org(gladly)}/answers")
    assert [a["id"] for a in answer.json()] == [f"a{n}" for n in range(1000)]
    assert "gladly-limited-data" not in answer.headers


# ---- writing


def test_an_answer_is_public_once_it_has_public_content_and_no_longer_when_deleted(gladly):
    made = gladly("POST", "/answers", json={"id": "sizes", "name": "Sizes"})
    assert (made.status_code, made.json()["id"]) == (200, "sizes")
    assert gladly("GET", f"{org(gladly)}/answers/sizes").status_code == 404
    content = "/answers/sizes/languages/en-us/type/public"
    put = gladly("PUT", content, json={"bodyHtml": "<p>S to L</p>", "title": "Sizes"})
    assert put.json() == gladly("GET", content).json()
    shown = gladly("GET", f"{org(gladly)}/answers/sizes").json()
    assert (shown["bodyHtml"], shown["updatedAt"]) == ("<p>S to L</p>", "2026-11-10T12:00:00.000Z")
    again = gladly("PUT", content, json={"bodyHtml": "<p>S to XL</p>"}).json()
    assert again == put.json() | {"bodyHtml": "<p>S to XL</p>"}
    assert gladly("DELETE", content).status_code == 204
    assert gladly("GET", content).json()["errors"]["code"] == "not_exist"
    assert gladly("GET", f"{org(gladly)}/answers/sizes").status_code == 404


def test_deleting_an_answer_takes_its_content_along(gladly):
    path = f"/answers/{gladly.id_of(CARDS)}"
    assert gladly("DELETE", path).status_code == 204
    assert gladly("GET", path).status_code == 404
    assert gladly.world.where("contents", answerId=gladly.id_of(CARDS)) == []
    assert "Gift" not in gladly("GET", f"{org(gladly)}/answers").text


def test_what_a_help_centre_shows_is_named_in_the_refusal(gladly):
    answer = gladly("DELETE", f"/answers/{gladly.id_of(SHIPPING)}")
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (400, "in_use")
    assert error["meta"]["helpCenterID"] == gladly.id_of("help-center/main")
    assert "'Main' Section 'Shipping'" in error["detail"]


def test_an_update_replaces_audiences_and_keeps_its_own_name(gladly):
    path = f"/answers/{gladly.id_of(CARDS)}"
    vip = [gladly.id_of("audience/vip")]
    assert gladly("PATCH", path, json={"name": "Gift cards", "audienceIds": vip}).status_code == 204
    assert gladly("GET", path).json()["audienceIds"] == vip
    assert gladly("PATCH", path, json={"name": " "}).status_code == 400
    assert gladly("PATCH", path, json={"audienceIds": "vip"}).status_code == 400


def test_content_wants_a_text(gladly):
    path = f"/answers/{gladly.id_of(CARDS)}/languages/es-419/type/public"
    for body in ({}, {"title": "x"}, {"bodyHtml": 7}):
        assert gladly("PUT", path, json=body).status_code == 400
