"""Surprise: what a customer would not have been shown here, and is likely to welcome."""

from participant.surprise.choosing import train
from participant.surprise.dial import Dial
from participant.surprise.headline import ScenarioHeadline, headline
from participant.surprise.reasons import Reason
from participant.surprise.recommend import Recommendation, RecommendationList, recommend

__all__ = [
    "Dial",
    "Reason",
    "Recommendation",
    "RecommendationList",
    "ScenarioHeadline",
    "headline",
    "recommend",
    "train",
]
