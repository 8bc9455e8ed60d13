"""Two evaluated runs against each other: which differences are beyond chance.

python -m stages.evaluation.compare workspace:tfidf workspace
python -m stages.evaluation.compare HEAD my-experiment --format markdown
"""
