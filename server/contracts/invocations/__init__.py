"""`POST /invocations`: SageMaker's path, and MLflow's, in JSON, CSV or lines of JSON.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/
"""
