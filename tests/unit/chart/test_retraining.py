"""The controller of retrains, and the Job that it is given to make; no cluster runs them here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from riverrun_trainer.retrain_jobs.controller import MAX_NAME, SETTING, job_of

from tests.unit.chart.rendering import Object, environment, named, render, workload
from tests.unit.chart.test_network import peers, policy

ON = {"retraining": {"enabled": True}}
SECURED = ON | {"insecure": False}


def job_template(values: dict[str, Any]) -> Object:
    found = named(render({"insecure": True} | values), "ConfigMap", "riverrun-retraining-job")
    return dict(json.loads(found["data"]["job.json"]))


def test_it_is_not_there_unless_asked_for() -> None:
    names = [one["metadata"]["name"] for one in render()]

    assert not any("retrain" in name for name in names)


def test_the_controller_may_create_jobs_in_its_namespace_and_nothing_else() -> None:
    objects = render(SECURED)

    rules = named(objects, "Role", "riverrun-retraining")["rules"]
    assert rules == [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]}]
    [subject] = named(objects, "RoleBinding", "riverrun-retraining")["subjects"]
    assert subject["name"] == "rr-riverrun-retraining"
    assert "rr-riverrun-retraining" not in str([o for o in objects if o["kind"] == "ClusterRoleBinding"])


def test_of_the_parameter_server_the_controller_may_only_read() -> None:
    accounts = named(render(SECURED), "ConfigMap", "riverrun-accounts")["data"]["accounts"]

    assert "system:serviceaccount:apart:rr-riverrun-retraining reader\n" in accounts


def test_the_controller_runs_no_code_of_users() -> None:
    pod = workload(render({"insecure": True} | ON), "retraining")["spec"]["template"]["spec"]

    assert pod["containers"][0]["command"] == ["python", "-m", "riverrun_trainer.retrain_jobs"]
    assert {volume["name"] for volume in pod["volumes"]} == {"tmp", "job", "api-server"}


def test_a_job_runs_as_the_trainer_does() -> None:
    values: dict[str, Any] = {
        **ON,
        "factories": ["shop.models:make"],
        "trainer": {"settings": {"maxOpen": 5}, "extraVolumes": [{"name": "own", "emptyDir": {}}]},
    }
    job = job_template(values)

    trainer = workload(render({"insecure": True} | values), "trainer")
    assert environment(job) == environment(trainer)
    pods = [one["spec"]["template"]["spec"] for one in (job, trainer)]
    assert pods[0]["serviceAccountName"] == pods[1]["serviceAccountName"]
    assert pods[0]["volumes"] == pods[1]["volumes"]
    for key in ("image", "command", "securityContext", "volumeMounts"):
        assert pods[0]["containers"][0][key] == pods[1]["containers"][0][key], key
    assert pods[0]["securityContext"] == pods[1]["securityContext"]
    assert (pods[0]["restartPolicy"], job["spec"]["ttlSecondsAfterFinished"]) == ("OnFailure", 60)


def test_a_job_is_named_after_its_retrain_and_told_what_to_learn() -> None:
    template = job_template(ON)

    job = job_of(template, "apart", "late-flights", 2)

    assert job["metadata"]["name"] == "rr-riverrun-retrain-late-flights-2"
    assert job["metadata"]["namespace"] == "apart"
    assert "generateName" not in job["metadata"]
    assert environment(job) == environment(template) | {SETTING: "late-flights:2"}


@pytest.mark.parametrize("line", [2, 123_456])
def test_long_names_are_cut_and_stay_apart(line: int) -> None:
    template = job_template(ON)

    first, second = (job_of(template, "apart", "a" * 62 + end, line)["metadata"]["name"] for end in "bc")

    assert first != second
    assert len(first) <= MAX_NAME
    assert first.endswith(f"-{line}")


def test_both_reach_what_they_need_and_the_parameter_server_hears_them() -> None:
    heard = peers(policy("param-server", ON)["ingress"], "grpc", "from")
    assert {"retraining", "retrain"} <= heard

    controller = policy("retraining", ON)["egress"]
    assert peers(controller, 8002, "to") == {"param-server", "follower"}
    assert controller[-1] == {"ports": [{"port": 443}, {"port": 6443}]}
    store = {"ports": [{"port": 443}]}
    job = policy("retrain", {"retraining": {"enabled": True, "job": {"egress": [store]}}})["egress"]
    assert peers(job, 8002, "to") == {"param-server", "follower"}
    assert job[-1] == store
    assert len(policy("retrain", ON)["egress"]) == 2
