-- Makes predict(rows json), which asks a running server for many rows in one call:
-- psql --set url=http://localhost:8080 --set model=student_performance --file predict.sql
\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS plpython3u;

BEGIN;
-- It has the rights of whoever calls it: with its maker's, a superuser's, a function of
-- the same name as one that it calls would have them too. Whoever may choose the address
-- can ask what only the database reaches: its settings win over those of a session.
CREATE OR REPLACE FUNCTION predict(rows json) RETURNS SETOF json
LANGUAGE plpython3u STRICT COST 10000
SET pinion.url = :'url' SET pinion.model = :'model' AS $$
import http.client
import json
import urllib.error
import urllib.request

(found,) = plpy.execute(
    "SELECT pg_catalog.current_setting('pinion.url') AS url, "
    "pg_catalog.current_setting('pinion.model') AS model"
)
url = f"{found['url'].rstrip('/')}/models/{found['model']}/predict"
try:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, rows.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            status, said = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, said = error.code, error.read()
except (OSError, ValueError, http.client.HTTPException) as error:
    plpy.error(f"{url} does not answer: {error}", sqlstate="08001")
try:
    answer = json.loads(said)
except (ValueError, RecursionError):
    answer = None
expected = {"predictions", "prediction"} if status == 200 else {"title"}
if not isinstance(answer, dict) or expected.isdisjoint(answer):
    shown = repr(said[:200].decode(errors="replace"))
    wrong = f"{url} answers with status {status}, and not as the server does"
    plpy.error(wrong, detail=shown, sqlstate="08P01")
if status != 200:
    faults = [f"{each['pointer']}: {each['detail']}" for each in answer.get("errors", [])]
    said = answer.get("detail", answer["title"])
    plpy.error(said, detail="\n".join(faults), sqlstate="22023")
predictions = answer["predictions"] if "predictions" in answer else [answer["prediction"]]
return [json.dumps(prediction) for prediction in predictions]
$$;

-- a function that was there keeps its owner, who may give it another address
ALTER FUNCTION predict(json) OWNER TO CURRENT_USER;
COMMIT;
