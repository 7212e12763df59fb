"""The order in which a request is refused, who calls, and what an answer says of itself."""

from datetime import timedelta

import pytest

from engage_server.records import Host, Role
from tests.support.api import Api, Caller, problem, sent_chain
from tests.support.world import World

SITE = "/sites/main"


class TestCallers:
    @pytest.mark.parametrize(
        ("field", "code"),
        [
            ("Basic YTpi", "token.malformed"),
            ("Bearer", "token.malformed"),
            ("Bearer ", "token.malformed"),
            ("Bearer x", "token.malformed"),
            ("", "token.malformed"),
        ],
    )
    def test_no_token(self, api: Api, field: str, code: str) -> None:
        refused = api.nobody().get(SITE, Authorization=field)
        assert problem(refused) == (401, code)
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="engage"'

    def test_nobody(self, api: Api) -> None:
        refused = api.nobody().get(SITE)
        assert problem(refused) == (401, "token.missing")
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")

    def test_a_token_that_is_cut_off_foreign_over_or_revoked(self, api: Api, world: World) -> None:
        token = api.token(Role.VIEWER)

        def ask(text: str) -> tuple[int, str]:
            return problem(api.nobody().get(SITE, Authorization=f"Bearer {text}"))

        assert ask(token[:-1]) == (401, "token.malformed")
        assert ask(f"{token},{token}") == (401, "token.malformed")
        with World(world.folder / "elsewhere") as other:
            other_token = Api(other).token(Role.ADMIN)
        assert ask(other_token) == (401, "token.wrong"), "of another installation"
        assert api.nobody().get(SITE, Authorization=f"bearer  {token} ").status_code == 200
        api.side.access.tokens.revoke("system1", world.occasion)
        assert ask(token) == (401, "token.revoked"), "no one remembers it"
        token = api.token(Role.VIEWER)
        api.now += timedelta(days=90)
        assert ask(token) == (401, "token.ended")

    def test_a_token_counts_even_beside_a_session(self, api: Api) -> None:
        person = api.person("anna", Role.ADMIN)
        token = api.token(Role.VIEWER)
        assert person.json("/caller")["name"] == "anna"
        assert person.get("/caller", Authorization=f"Bearer {token}").json["name"] == "token system1"  # type: ignore[index]
        assert problem(person.get("/caller", Authorization="Bearer x")) == (401, "token.malformed")

    def test_a_session_ends(self, api: Api, world: World) -> None:
        person = api.person("anna", Role.OPERATOR)
        assert person.get(SITE).status_code == 200
        api.side.access.people.remove("anna", world.occasion, may_be_last=True)
        assert problem(person.get(SITE)) == (401, "token.missing")

    def test_a_person_changes_nothing_from_a_page_of_another_origin(self, api: Api) -> None:
        person = api.person("anna", Role.ADMIN)
        seen = person.get(SITE)
        other = {"Sec_Fetch_Site": "cross-site", "If_Match": seen.headers["ETag"]}
        assert problem(person.send("PATCH", SITE, {"reason": "x"}, **other)) == (403, "access.origin")


class TestOrder:
    """What is wrong first is told first, and a stranger learns nothing of sites."""

    def test_a_path_that_cannot_exist(self, api: Api) -> None:
        for path in ("/sites/-", "/sites/A", "/sites/main/releases/0", "/sites/main/releases/x", "/nothing"):
            assert problem(api.nobody().get(path)) == (404, "address.not_found")

    def test_a_stranger_learns_of_no_site(self, api: Api) -> None:
        assert api.nobody().get("/sites/main").data == api.nobody().get("/sites/other").data
        limited = api.system(Role.ADMIN, ("depot",))
        answers = [limited.get(f"/sites/{site}") for site in ("main", "other")]
        assert [problem(each) for each in answers] == [(403, "access.site")] * 2
        assert answers[0].text.replace("main", "other") == answers[1].text
        assert problem(api.system().get("/sites/other")) == (404, "site.not_found")

    def test_nothing_is_read_before_it_is_known_who_calls(self, api: Api) -> None:
        for caller, refusal in (
            (api.nobody(), (401, "token.missing")),
            (api.system(Role.VIEWER), (403, "access.role")),
        ):
            assert problem(caller.send("PATCH", f"{SITE}?x=1", b"{")) == refusal

    def test_then_the_query_then_the_body_then_the_version(self, api: Api) -> None:
        admin = api.system(Role.ADMIN)
        assert problem(admin.send("PATCH", f"{SITE}?x=1", b"{")) == (400, "request.parameters")
        assert problem(admin.send("PATCH", SITE, b"{", Content_Type="text/plain")) == (415, "request.media_type")
        assert problem(admin.send("PATCH", SITE, b"{")) == (400, "body.invalid")
        assert problem(admin.send("PATCH", SITE, {"x": 1})) == (422, "request.invalid")
        assert problem(admin.send("PATCH", SITE, {"reason": "x"})) == (428, "precondition.missing")
        assert problem(admin.send("PATCH", SITE, {"reason": "x"}, If_Match='"1-x"')) == (412, "precondition.failed")
        assert admin.send("PATCH", SITE, {"reason": "x"}, If_Match="*").status_code == 200

    def test_the_faults_of_a_body_are_listed(self, api: Api) -> None:
        refused = api.system(Role.ADMIN).send("PATCH", SITE, {"hosts": [1], "more": 2}, If_Match="*")
        assert problem(refused) == (422, "request.invalid")
        assert [each["pointer"] for each in refused.json["errors"]] == ["/hosts/0", "/more"]  # type: ignore[index]

    def test_while_the_database_is_away(self, api: Api) -> None:
        system = api.system()
        api.is_away = True
        refused = system.get(SITE)
        assert problem(refused) == (503, "store.not_usable")
        assert refused.headers["Retry-After"]
        api.is_away = False
        assert system.get(SITE).status_code == 200


class TestAnswers:
    def test_an_etag_spares_the_body(self, api: Api) -> None:
        system = api.system()
        seen = system.get(SITE)
        tag = seen.headers["ETag"]
        again = system.get(SITE, If_None_Match=tag)
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
        assert system.get(SITE, If_None_Match='"1-x"').status_code == 200

    def test_head_is_get_without_a_body(self, api: Api) -> None:
        system = api.system()
        seen, head = system.get(SITE), system.send("HEAD", SITE)
        assert (head.status_code, head.data) == (200, b"")
        assert {name: head.headers[name] for name in ("ETag", "Content-Type", "Content-Length")} == {
            name: seen.headers[name] for name in ("ETag", "Content-Type", "Content-Length")
        }

    def test_pages_lead_on_to_their_end(self, api: Api, world: World) -> None:
        for _ in range(3):
            world.release(activate=False)
        system, path, numbers = api.system(), f"{SITE}/releases?limit=3", []
        while path:
            answer = system.get(path)
            page = answer.json
            assert page is not None
            numbers += [each["release"] for each in page["items"]]
            assert answer.headers.get("Link") == (f'<{page["next"]}>; rel="next"' if page["next"] else None)
            path = (page["next"] or "").removeprefix("/api/v1")
            assert page["next"] is None or page["next"].endswith(f"cursor={page['next_cursor']}")
            assert (page["next_cursor"] is None) is (page["next"] is None)
        assert numbers == [4, 3, 2, 1]
        assert problem(system.get(f"{SITE}/releases?cursor=x")) == (400, "cursor.invalid")

    @pytest.mark.parametrize("method", ["OPTIONS", "POST", "DELETE", "BREW", "TRACE"])
    def test_another_method_is_refused_without_cors(self, api: Api, method: str) -> None:
        asked = {"Access_Control_Request_Method": "GET", "Origin": "http://localhost"}
        refused = api.system().send(method, SITE, **asked)
        assert problem(refused) == (405, "request.method")
        assert refused.headers["Allow"] == "GET, HEAD, PATCH"
        assert not [name for name, _ in refused.headers if name.lower().startswith("access-control")]

    def test_no_answer_allows_another_origin_to_read(self, api: Api) -> None:
        for answer in (api.system().get(SITE, Origin="http://evil.example"), api.nobody().get("/openapi.json")):
            assert answer.status_code == 200
            assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]
            assert answer.headers["Cache-Control"] == "no-store"


class TestKeys:
    """The Idempotency-Key, from the request to the store."""

    def stage(self, caller: Caller, world: World, **fields: str) -> tuple[int, str]:
        return problem(caller.send("POST", f"{SITE}/releases", sent_chain(world.chain_folder()), **fields))

    def test_a_key_that_is_missing_or_unusable(self, api: Api, world: World) -> None:
        system = api.system()
        assert self.stage(system, world) == (400, "idempotency.missing")
        for key in ("short", "a" * 129, "with space", "umlaut-\xe4\xe4\xe4\xe4", ""):
            assert self.stage(system, world, Idempotency_Key=key) == (400, "idempotency.key")
        assert world.store.releases("main")[0].number == 1

    def test_a_key_is_of_one_caller_one_path_and_one_day(self, api: Api, world: World) -> None:
        world.add_site("depot", hosts=(Host("depot.example.org"),))
        system, other, key = api.system(), api.system(), "the-same-key"
        body = sent_chain(world.chain_folder())
        first = system.create(f"{SITE}/releases", body, key)
        assert first.status_code == 201
        assert problem(other.create(f"{SITE}/releases", body, key)) == (409, "release.exists")
        assert "Idempotent-Replayed" not in system.create("/sites/depot/releases", body, key).headers
        again = system.create(f"{SITE}/releases", body, key)
        assert (again.status_code, again.headers["Idempotent-Replayed"], again.json) == (201, "true", first.json)
        api.now += timedelta(hours=24, seconds=1)
        assert problem(system.create(f"{SITE}/releases", body, key)) == (409, "release.exists")

    def test_what_failed_may_be_sent_again_with_the_same_key(self, api: Api, world: World) -> None:
        system, body, key = api.system(), sent_chain(world.chain_folder()), "the-same-key"
        assert problem(system.create(f"{SITE}/releases", {**body, "passphrase": 1}, key))[0] == 422
        assert problem(system.create("/sites/none/releases", body, key)) == (404, "site.not_found")
        assert system.create(f"{SITE}/releases", body, key).status_code == 201

    def test_who_lost_the_role_gets_no_answer_again(self, api: Api, world: World) -> None:
        person = api.person("anna", Role.OPERATOR)
        body = sent_chain(world.chain_folder())
        assert person.create(f"{SITE}/releases", body, "the-same-key").status_code == 201
        api.side.access.people.remove("anna", world.occasion, may_be_last=True)
        assert problem(person.create(f"{SITE}/releases", body, "the-same-key")) == (401, "token.missing")
        lowered = api.person("anna", Role.VIEWER)
        assert problem(lowered.create(f"{SITE}/releases", body, "the-same-key")) == (403, "access.role")
