-- Makes predict(rows json), which asks a running server for many rows in one call:
-- psql --set url=http://localhost:8080 --set model=student_performance --file predict.sql
\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS plpython3u;

CREATE OR REPLACE FUNCTION predict_at(url text, rows json) RETURNS SETOF json
LANGUAGE plpython3u STRICT COST 10000 AS $$
import json
import urllib.error
import urllib.request

body = rows.encode()
request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
try:
    with urllib.request.urlopen(request, timeout=60) as response:
        predictions = json.load(response)["predictions"]
except urllib.error.HTTPError as error:
    problem = json.load(error)
    faults = [f"{each['pointer']}: {each['detail']}" for each in problem.get("errors", [])]
    said = problem.get("detail", problem["title"])
    plpy.error(said, detail="\n".join(faults), sqlstate="22023")
except OSError as error:
    plpy.error(f"{url} does not answer: {error}", sqlstate="08001")
return [json.dumps(prediction) for prediction in predictions]
$$;

-- whoever may call it with any address can ask what only the database reaches
REVOKE ALL ON FUNCTION predict_at(text, json) FROM PUBLIC;

SELECT format(
    'CREATE OR REPLACE FUNCTION predict(rows json) RETURNS SETOF json
     LANGUAGE sql STRICT SECURITY DEFINER SET search_path FROM CURRENT
     AS %L',
    format('SELECT predict_at(%L, rows)', :'url' || '/models/' || :'model' || '/predict')
) \gexec
